"""A look at each process of the stack, for `status` and `doctor`."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from bot.data_folder import DataFolder, RunningProcess, RunningStack
from bot.dialogue import launch
from bot.plans import Probe, addresses, http_probe, store_probe
from bot.settings import StackSettings
from bot.stack import stack_secrets


@dataclass(frozen=True, slots=True)
class Look:
    """What one process looks like from outside."""

    name: str
    answers: bool
    in_words: str
    log: Path | None


def looks(settings: StackSettings, folder: DataFolder, noted: RunningStack) -> list[Look]:
    """Return a look at every process, also at those that run elsewhere."""
    at = addresses(settings, stack_secrets(settings, folder))
    probes = {
        "store": store_probe(at.redis_url),
        "dialogue": http_probe(at.dialogue_url + launch.health_path()),
        "actions": http_probe(f"{at.actions_url}/health"),
        "gateway": http_probe(f"{noted.address}/readyz"),
    }
    answers = asyncio.run(_all(list(probes.values())))
    processes = {process.name: process for process in noted.processes}
    return [_look(name, ok, processes.get(name)) for name, ok in zip(probes, answers, strict=True)]


async def _all(probes: list[Probe]) -> list[bool]:
    return await asyncio.gather(*(probe() for probe in probes))


def _look(name: str, answers: bool, process: RunningProcess | None) -> Look:
    if process is None:
        return Look(name, answers, "up, elsewhere" if answers else "does not answer, and runs elsewhere", None)
    words = [f"{'up' if answers else 'does not answer'} at {process.address.removeprefix('http://')}"]
    with contextlib.suppress(psutil.Error):
        running = psutil.Process(process.pid)
        words.append(f"process {process.pid}, {running.memory_info().rss / 2**20:.0f} MB")
    if process.started_at is not None:
        words.append(f"since {time.strftime('%H:%M:%S', time.localtime(process.started_at))}")
    if process.restarts:
        words.append(f"restarted {process.restarts} times" if process.restarts > 1 else "restarted once")
    return Look(name, answers, ", ".join(words), Path(process.log))
