"""`bedside up`, `down` and `status`: the stack as a whole."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Annotated

import psutil
import typer

from bot.commands.health import looks
from bot.data_folder import DataFolder
from bot.errors import StartError
from bot.progress import Progress
from bot.settings import StackSettings, load_settings
from bot.stack import up as run_stack
from bot.watch import last_line

STEP_S = 0.2


def up(
    detach: Annotated[
        bool, typer.Option("--detach", help="Return when everything is ready, and leave it running.")
    ] = False,
) -> None:
    """Start everything and stay until Ctrl-C."""
    settings = load_settings(StackSettings)
    if detach:
        _up_detached(settings)
        return
    progress = Progress(sys.stdout)
    try:
        code = run_stack(settings, progress)
    finally:
        progress.close()
    raise typer.Exit(code)


def _up_detached(settings: StackSettings) -> None:
    folder = DataFolder(settings.data_dir)
    folder.open()
    if folder.is_held():
        with folder.held():  # says who holds it
            return
    log = folder.log("stack")
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "bot.cli", "up"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    shown = 0
    while True:
        text = log.read_text(encoding="utf-8", errors="replace")
        complete = text[: text.rfind("\n") + 1]
        typer.echo(complete[shown:], nl=False)
        shown = len(complete)
        noted = folder.running()
        if noted is not None and noted.ready and noted.pid == process.pid and "Care desk" in complete:
            return
        if process.poll() is not None:
            raise typer.Exit(process.returncode or 2)
        time.sleep(STEP_S)


def down() -> None:
    """Stop the stack that runs on the data folder, and wait until it has stopped."""
    settings = load_settings(StackSettings)
    folder = DataFolder(settings.data_dir)
    noted = folder.running()
    if noted is None or not folder.is_held():
        typer.echo("Bedside is not running.")
        return
    with Progress(sys.stdout).step("Stopping Bedside"):
        try:
            process = psutil.Process(noted.pid)
            process.terminate()
            process.wait(timeout=settings.stop_grace_s * 4)
        except psutil.NoSuchProcess:
            return
        except psutil.Error:
            raise StartError(f"Bedside (process {noted.pid}) did not stop: end it with `kill {noted.pid}`.") from None


def status() -> None:
    """Say of each process whether it runs and answers; exit code 1 when one does not."""
    settings = load_settings(StackSettings)
    folder = DataFolder(settings.data_dir)
    noted = folder.running()
    if noted is None or not folder.is_held():
        typer.echo(f"Bedside is not running on {folder.path}. `bedside up` starts it.")
        raise typer.Exit(1)
    typer.echo(f"Bedside is {'running' if noted.ready else 'starting'} at {noted.address} (process {noted.pid}).")
    well = True
    for look in looks(settings, folder, noted):
        well = well and look.answers
        typer.echo(f"  {look.name:<9} {look.in_words}")
        if not look.answers and look.log:
            typer.echo(f"            last line of its log: {last_line(look.log)}")
    raise typer.Exit(0 if well else 1)
