"""What the demonstration says, the commands it runs as a user would, and how it fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent.parent

console = Console(highlight=False, soft_wrap=True)


def say(text: str = "") -> None:
    console.print(text)


def title(text: str) -> None:
    console.print(f"\n[bold]{text}[/bold]")


def govchaind(*arguments: str, expect: int = 0) -> str:
    """Run the command as a user would; return what it prints. Ends the demonstration otherwise."""
    shown = " ".join(argument.replace(str(ROOT), ".") for argument in arguments)
    done = subprocess.run(
        [sys.executable, "-m", "govchaind", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if done.returncode != expect:
        fail(f"`govchaind {shown}` ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout + (done.stderr if expect else "")


def fail(text: str) -> None:
    console.print(f"[bold red]The demonstration failed:[/bold red] {text}")
    raise SystemExit(1)
