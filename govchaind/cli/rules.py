"""`govchaind rules`: what Prometheus and Grafana need to watch a network, printed."""

from __future__ import annotations

from importlib.resources import files

import click

RUNBOOKS = "docs/operate/"  # where the pages of the alerts lie, in this project
_RULES = files("govchaind") / "data" / "prometheus" / "govchaind.rules.yml"


def rules_text(runbooks: str = RUNBOOKS) -> str:
    """Return the rules as Prometheus reads them, each alert with its page under `runbooks`."""
    text = _RULES.read_text(encoding="utf-8")
    return text.replace(f"runbook_url: {RUNBOOKS}", f"runbook_url: {runbooks}")


@click.command(short_help="Print alert rules for Prometheus, or a dashboard for Grafana.")
@click.option("--dashboard", is_flag=True, help="Print a dashboard for Grafana instead, as JSON.")
@click.option(
    "--runbooks", default=RUNBOOKS, show_default=True, metavar="PREFIX",
    help="What stands before the name of each alert's page.",
)  # fmt: skip
def rules(dashboard: bool, runbooks: str) -> None:
    """Print recording and alert rules for Prometheus; each alert names the page that explains it.

    The job that scrapes the nodes has a name that begins with `govchaind`, and the nodes of one
    network stand under one job.

    \b
    Example:
      govchaind rules > govchaind.rules.yml
      govchaind rules --runbooks https://wiki.example/govchaind/ > govchaind.rules.yml
      govchaind rules --dashboard > govchaind.dashboard.json
    """
    from govchaind.cli.dashboard import dashboard_of
    from govchaind.cli.output import print_json
    from govchaind.runtime.metrics import Metrics
    from govchaind.runtime.system import software_version

    if any(ord(sign) <= ord(" ") or sign in "\"'#{}" for sign in runbooks):
        raise click.UsageError(
            "--runbooks is the beginning of an address, without spaces or quotes"
        )
    if dashboard:
        metrics = Metrics(version=software_version())
        metrics.watch_process()
        print_json(dashboard_of(metrics.declared()))
    else:
        click.echo(rules_text(runbooks), nl=False)
