"""`govchaind completion`: the script that teaches a shell our commands and options."""

from __future__ import annotations

import click


@click.command(short_help="Print the script for shell completion.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that makes SHELL complete commands and options on Tab.

    \b
    Example:
      eval "$(govchaind completion bash)"                # this shell; or put it into ~/.bashrc
      govchaind completion fish > ~/.config/fish/completions/govchaind.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"there is no completion for {shell}")
    root = context.find_root().command
    maker = kind(root, {}, "govchaind", "_GOVCHAIND_COMPLETE")
    click.echo(maker.source_template % maker.source_vars())
