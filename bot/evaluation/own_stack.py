"""A whole stack for the time of an evaluation, as `bedside up` starts it, on ports and a folder of its own.

No patient reaches it, and no emergency that an evaluation makes up reaches a care team: it knows no channel but the web
on this machine, has its own store, and is gone afterwards.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bot.commands.web_client import StackAt, running_stack
from bot.data_folder import DataFolder
from bot.errors import StartError
from bot.settings import PREFIX, StackSettings, load_settings

_KEPT = (
    "LANGUAGES", "LOCALES", "GUARDRAILS", "DEFAULT_COUNTRY", "ANSWER_MODE", "DRAFT_", "DRAFTS_", "MODEL",
    "START_TIMEOUT_S",
)  # fmt: skip
"""What decides how the bot answers; whatever opens a door to patients or staff stays out."""
_PREPARED = ("models", "embeddings")
_PORTS = ("PORT", "STORE_PORT", "DIALOGUE_PORT", "ACTIONS_PORT")
_STEP_S = 0.2
_STOPPING_S = 30.0


@contextmanager
def own_stack(settings: StackSettings) -> Iterator[StackAt]:
    """Give the address of a stack that is ready; it stops when the block ends, and leaves nothing.

    Raises:
        StartError: It does not start; the message ends with the last line that it said.
    """
    with tempfile.TemporaryDirectory(prefix="bedside-evaluation-") as place:
        folder = Path(place)
        for name in _PREPARED:  # trained and embedded once
            prepared = settings.data_dir / name
            prepared.mkdir(parents=True, exist_ok=True)
            (folder / name).symlink_to(prepared)
        environment = _environment(os.environ, folder)
        log = folder / "up.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "bot.cli", "up"], env=environment, stdout=output, stderr=output
            )
        try:
            _wait_until_ready(process, DataFolder(folder), log, settings.start_timeout_s)
            yield running_stack(load_settings(StackSettings, data_dir=folder))
        finally:
            process.terminate()
            try:
                process.wait(_STOPPING_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _environment(around: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return what the stack is told: how to answer, its own folder and free ports, and nothing that opens a door."""
    kept = {
        name: value
        for name, value in around.items()
        if not name.startswith(PREFIX) or name.removeprefix(PREFIX).startswith(_KEPT)
    }
    return {
        **kept,
        f"{PREFIX}DATA_DIR": str(folder),
        **{f"{PREFIX}{name}": str(port) for name, port in zip(_PORTS, _free_ports(len(_PORTS)), strict=True)},
        f"{PREFIX}MESSAGES_PER_MINUTE": "1000",
        f"{PREFIX}CONVERSATIONS_PER_HOUR": "10000",
        f"{PREFIX}REQUESTS_PER_MINUTE": "100000",
    }


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _wait_until_ready(process: subprocess.Popen[bytes], folder: DataFolder, log: Path, most_s: float) -> None:
    deadline = time.monotonic() + most_s * 2
    while True:
        noted = folder.running()
        if noted is not None and noted.ready:
            return
        if process.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise StartError(f"The stack for the evaluation does not start: {said[-1] if said else 'it says nothing'}")
        time.sleep(_STEP_S)
