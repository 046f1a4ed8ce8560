"""Starts child processes, watches them and stops them: the part of the stack that knows no names.

Before the line. A child that dies is started again, ever more slowly while it keeps dying; all are stopped in order,
and none outlives this process, even when it is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bot.errors import StartError

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
STEADY_AFTER_S = 60.0
"""A child that lived this long is started again at once, as if it had never died before."""
PROBE_EVERY_S = 0.1
LOG_CHECK_EVERY_S = 30.0

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ChildPlan:
    """How to start one child, and how to see that it is ready."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    is_ready: Callable[[], Awaitable[bool]]
    log: Path
    folder: Path
    address: str
    standard_input: bytes | None = None
    """What the child reads at its start: the place for a secret, which others could read on its command line."""
    niceness: int = 0
    """How far it steps back when the machine is busy, 0 to 19."""
    before_restart: Callable[[], Awaitable[None]] | None = None
    """What must be done before it is started again; raises StartError when that cannot be done."""


@dataclass(slots=True)
class Child:
    """One child: its plan, and what has become of it."""

    plan: ChildPlan
    process: asyncio.subprocess.Process | None = None
    started_at: float = 0.0
    restarts: int = 0
    ready: bool = False
    pause_s: float = FIRST_PAUSE_S


@dataclass(slots=True)
class Watch:
    """All children of one stack. Start them, then let `keep` run until it is time to stop."""

    say: Say
    changed: Callable[[], None]
    """Called whenever a child has started, is ready or has died."""
    start_timeout_s: float
    stop_grace_s: float
    log_max_bytes: int
    children: dict[str, Child] = field(default_factory=dict)
    stopping: bool = False

    async def start(self, plan: ChildPlan) -> None:
        """Start a child and wait until it is ready.

        Raises:
            StartError: it ended or was not ready in time; the sentence holds the last line of its log.
        """
        child = Child(plan)
        self.children[plan.name] = child
        await self._spawn(child)
        try:
            await asyncio.wait_for(self._until_ready(child), self.start_timeout_s)
        except TimeoutError:
            raise StartError(
                f"{plan.name} was not ready within {self.start_timeout_s:.0f} s: read {plan.log}, or give it more time"
                " with BEDSIDE_START_TIMEOUT_S."
            ) from None
        self.changed()

    async def keep(self) -> None:
        """Start again whatever dies, and keep the logs small; goes on until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for child in self.children.values():
                tasks.create_task(self._keep_alive(child))
            tasks.create_task(self._keep_logs_small())

    async def stop(self, *groups: tuple[str, ...]) -> None:
        """Stop the children: each group together, one group after the other; first asked, then made to."""
        self.stopping = True
        for group in groups:
            children = [self.children[name] for name in group if name in self.children]
            await asyncio.gather(*(self._stop(child) for child in children))

    async def _spawn(self, child: Child) -> None:
        plan = child.plan
        child.ready = False
        with plan.log.open("ab") as log:
            starting = asyncio.ensure_future(
                asyncio.create_subprocess_exec(
                    *plan.command,
                    cwd=plan.folder,
                    env=dict(plan.environment),
                    stdin=asyncio.subprocess.PIPE if plan.standard_input is not None else asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # A session of its own, so that Ctrl-C in the terminal reaches only us, and we stop all in order.
                    start_new_session=True,
                    preexec_fn=_dying_with(os.getpid()),
                )
            )
            try:
                child.process = await asyncio.shield(starting)
            except asyncio.CancelledError:
                child.process = await starting  # or it would run on, unknown to those who stop all
                raise
        if plan.niceness:
            with contextlib.suppress(psutil.Error):
                started = psutil.Process(child.process.pid)
                started.nice(min(19, started.nice() + plan.niceness))
        child.started_at = time.time()
        if plan.standard_input is not None and child.process.stdin is not None:
            with contextlib.suppress(ConnectionError):
                child.process.stdin.write(plan.standard_input)
                await child.process.stdin.drain()
            child.process.stdin.close()
        self.changed()

    async def _until_ready(self, child: Child) -> None:
        assert child.process is not None
        while not await child.plan.is_ready():
            if child.process.returncode is not None:
                raise StartError(
                    f"{child.plan.name} did not start: {last_line(child.plan.log)} (log: {child.plan.log})"
                )
            await asyncio.sleep(PROBE_EVERY_S)
        child.ready = True

    async def _keep_alive(self, child: Child) -> None:
        while True:
            assert child.process is not None
            await child.process.wait()
            if self.stopping:
                return
            child.ready = False
            self.changed()
            if time.time() - child.started_at >= STEADY_AFTER_S:
                child.pause_s = FIRST_PAUSE_S
            self.say(
                f"{child.plan.name} {how_it_ended(child.process.returncode, child.plan.log)}; starting it again in"
                f" {child.pause_s:g} s (log: {child.plan.log})"
            )
            await asyncio.sleep(child.pause_s)
            child.pause_s = min(child.pause_s * 2, LONGEST_PAUSE_S)
            child.restarts += 1
            if child.plan.before_restart is not None:
                try:
                    await child.plan.before_restart()
                except StartError as error:
                    self.say(f"{child.plan.name}: {error}")
            await self._spawn(child)
            with contextlib.suppress(StartError):  # it died again: the next round tells
                await self._until_ready(child)
                self.say(f"{child.plan.name} is back.")
                self.changed()

    async def _keep_logs_small(self) -> None:
        while True:
            for child in self.children.values():
                cap_log(child.plan.log, self.log_max_bytes)
            await asyncio.sleep(LOG_CHECK_EVERY_S)

    async def _stop(self, child: Child) -> None:
        process = child.process
        if process is None or process.returncode is not None:
            return
        _signal_group(process.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), self.stop_grace_s)
        except TimeoutError:
            self.say(f"{child.plan.name} did not stop within {self.stop_grace_s:g} s and is ended now.")
        # Also after a clean end: what the child itself has started must not stay behind.
        _signal_group(process.pid, signal.SIGKILL)
        await process.wait()


async def run_to_end(command: Sequence[str], environment: Mapping[str, str], log: Path, folder: Path) -> None:
    """Run a command to its end with its output in the log; one that is no longer wanted is ended.

    Raises:
        StartError: it failed; the sentence is the last line that it said, and where the log is.
    """
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=_dying_with(os.getpid()),
        )
        try:
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if process.returncode != 0:
        raise StartError(f"{last_line(log)} (log: {log})")


def how_it_ended(code: int | None, log: Path) -> str:
    """Return in words how a process ended, with the last line of its log when it ended by itself."""
    if code is not None and code < 0:
        return f"was killed ({signal.Signals(-code).name})"
    return f"ended (exit code {code}: {last_line(log)})"


def last_line(log: Path) -> str:
    """Return the last line of the log that says something, or that there is none."""
    with contextlib.suppress(OSError):
        lines = log.read_bytes()[-8192:].decode("utf-8", errors="replace").splitlines()
        for line in reversed(lines):
            if line.strip():
                return line.strip()
    return "it said nothing"


def cap_log(log: Path, max_bytes: int) -> None:
    """Afterwards the log is not longer than this; what was in it stands in a second file, which is replaced each time.

    The child keeps its open file: it appends, so it goes on at the new end.
    """
    with contextlib.suppress(OSError):
        if log.stat().st_size > max_bytes:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def die_with_parent() -> None:
    """Let the kernel end this process when its parent ends (Linux only)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _dying_with(parent: int) -> Callable[[], None] | None:
    """Return what a child does before it starts, so that the kernel ends it when its parent ends (Linux only)."""
    if _LIBC is None:
        return None
    libc = _LIBC

    def ask_kernel() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # the parent ended before the kernel knew
            os._exit(1)

    return ask_kernel
