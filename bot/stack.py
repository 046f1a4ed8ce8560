"""`bedside up`: start, watch and stop the processes.

Before the line. Four processes: the store (an embedded Valkey unless a Redis is named), the dialogue, the actions, and
the gateway with the desk. One that is started elsewhere is only waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import time
from collections.abc import Coroutine, Iterator, Sequence
from types import FrameType
from typing import Any

import psutil
from redis.asyncio import Redis

from actions.settings import load_settings as load_actions_settings
from bot.data_folder import DataFolder, RunningProcess, RunningStack, StackSecrets
from bot.desk.audit import SYSTEM, AuditLog
from bot.desk.staff import StaffRegistry
from bot.dialogue import launch
from bot.errors import StartError
from bot.plans import LOOPBACK, Addresses, Probe, addresses, http_probe, plan_children, store_probe
from bot.preparation import prepare
from bot.progress import Progress
from bot.settings import GatewaySettings, StackSettings, load_settings, variable
from bot.watch import ChildPlan, Watch

PROBE_EVERY_S = 0.2
SAME_START_S = 5.0
STOP_ORDER = (("gateway",), ("dialogue", "actions"), ("store",))
"""The door first, so that nothing is accepted which nobody would handle; the store last, when all have written."""


def stack_secrets(settings: StackSettings, folder: DataFolder) -> StackSecrets:
    """Return the secrets to use: those that are set, else those that the data folder keeps, made at the first start."""
    kept = folder.make_secrets()
    return StackSecrets(
        internal_token=settings.internal_token.get_secret_value() if settings.internal_token else kept.internal_token,
        data_key=settings.data_key.get_secret_value() if settings.data_key else kept.data_key,
        store_password=kept.store_password,
    )


def up(settings: StackSettings, progress: Progress) -> int:
    """Prepare and start everything, and stay until told to stop; return the exit code.

    Raises:
        BedsideError, ActionsError: something is in the way of the start; one sentence says what and how to clear it.
    """
    folder = DataFolder(settings.data_dir)
    folder.open()
    with folder.held(), _stopped_like_by_ctrl_c():
        end_leftovers(folder, settings.stop_grace_s)
        check_ports(settings)
        secrets = stack_secrets(settings, folder)
        gateway = check_gateway_settings(settings, addresses(settings, secrets), secrets)
        if settings.actions_url is None:
            check_actions_settings(secrets)
        try:
            prepare(settings, folder, progress)
        except KeyboardInterrupt:
            progress.say("Stopped before the start; the next start goes on from here.")
            return 130
        return asyncio.run(Stack(settings, gateway, folder, secrets, progress).run())


class Stack:
    """The processes of one installation on one machine."""

    def __init__(
        self,
        settings: StackSettings,
        gateway: GatewaySettings,
        folder: DataFolder,
        secrets: StackSecrets,
        progress: Progress,
    ) -> None:
        self._settings = settings
        self._gateway = gateway
        self._folder = folder
        self._secrets = secrets
        self._progress = progress
        self._addresses = addresses(settings, secrets)
        self._ready = False
        self._watch = Watch(
            say=self._say,
            changed=self._note,
            start_timeout_s=settings.start_timeout_s,
            stop_grace_s=settings.stop_grace_s,
            log_max_bytes=settings.log_max_bytes,
        )

    async def run(self) -> int:
        """Start everything, say where it is, watch it until a signal comes, and stop it; return the exit code.

        Raises:
            StartError: a process did not start; the others have been stopped.
        """
        told_to_stop = _stop_signals()
        try:
            if await _unless(told_to_stop, self._start()):
                await self._greet()
                await _unless(told_to_stop, self._watch.keep())
        finally:
            started = time.monotonic()
            await self._watch.stop(*STOP_ORDER)
            self._folder.forget_running()
            self._progress.say(f"Everything has stopped ({time.monotonic() - started:.1f} s).")
        return 0

    async def _start(self) -> None:
        plans = plan_children(self._settings, self._gateway, self._folder, self._secrets)
        if "store" in plans:
            await self._start_one(plans.pop("store"))
        else:
            await self._wait_for_other("store", variable("redis_url"), store_probe(self._addresses.redis_url))
        starting = [self._start_one(plan) for plan in plans.values()]
        if self._settings.dialogue_url is not None:
            probe = http_probe(self._settings.dialogue_url + launch.health_path())
            starting.append(self._wait_for_other("dialogue", variable("dialogue_url"), probe))
        if self._settings.actions_url is not None:
            probe = http_probe(f"{self._settings.actions_url}/health")
            starting.append(self._wait_for_other("actions", variable("actions_url"), probe))
        await _together(starting)
        self._ready = True
        self._note()

    async def _start_one(self, plan: ChildPlan) -> None:
        with self._progress.step(f"Starting {plan.name}"):
            await self._watch.start(plan)

    async def _wait_for_other(self, name: str, named_by: str, probe: Probe) -> None:
        with self._progress.step(f"Waiting for the {name} that {named_by} names"):
            deadline = time.monotonic() + self._settings.start_timeout_s
            while not await probe():
                if time.monotonic() >= deadline:
                    raise StartError(f"The {name} does not answer: start it, or correct {named_by}.")
                await asyncio.sleep(PROBE_EVERY_S)

    async def _greet(self) -> None:
        """Say where everything is, and the first sign-in if there was none before."""
        say = self._progress.say
        say("")
        say("Bedside is ready. Ctrl-C stops it.")
        say(f"  Widget page   {self._addresses.gateway_url}/")
        say(f"  Care desk     {self._addresses.gateway_url}/desk")
        async with Redis.from_url(self._addresses.redis_url, decode_responses=True) as redis:
            staff = StaffRegistry(redis)
            first = await staff.ensure_first_account()
            made = await staff.find(first[0]) if first is not None else None
            if made is not None:
                data_key = self._gateway.data_key.get_secret_value()
                await AuditLog(redis, data_key).record(SYSTEM, "people.add", about=made.id, detail=made.role.value)
        if first is not None:
            say(f"  First sign-in {first[0]} / {first[1]}   (shown only now: keep it; `bedside staff` adds others)")
        say("")

    def _say(self, line: str) -> None:
        self._progress.say(f"{time.strftime('%H:%M:%S')} {line}")

    def _note(self) -> None:
        """Keep what runs where `bedside status`, `doctor` and `down` find it."""
        self._folder.note_running(
            RunningStack(
                pid=os.getpid(),
                ready=self._ready,
                address=self._addresses.gateway_url,
                processes=tuple(
                    RunningProcess(
                        name=name,
                        pid=child.process.pid if child.process is not None else None,
                        started_at=child.started_at,
                        address=child.plan.address,
                        log=str(child.plan.log),
                        restarts=child.restarts,
                    )
                    for name, child in self._watch.children.items()
                ),
            )
        )


def check_gateway_settings(settings: StackSettings, at: Addresses, secrets: StackSecrets) -> GatewaySettings:
    """Return the settings that the gateway will start with, so that a wrong one is told before anything is started.

    Raises:
        SettingsError: a setting is wrong.
    """
    return load_settings(
        GatewaySettings,
        host=settings.host,
        port=settings.port,
        redis_url=at.redis_url,
        dialogue_url=at.dialogue_url,
        actions_url=at.actions_url,
        internal_token=secrets.internal_token,
        data_key=secrets.data_key,
    )


def check_actions_settings(secrets: StackSecrets) -> None:
    """Check what the actions process will start with, as `check_gateway_settings` does.

    Raises:
        ActionsError: a setting is wrong.
    """
    load_actions_settings(internal_token=secrets.internal_token)


# --- what may be in the way --------------------------------------------------------------------------------------


def check_ports(settings: StackSettings) -> None:
    """Afterwards every port that a process here will listen on was free.

    Raises:
        StartError: one is in use, or the address to listen on is not this machine's.
    """
    wanted = {"port": settings.host}
    if settings.redis_url is None:
        wanted["store_port"] = LOOPBACK
    if settings.dialogue_url is None:
        wanted["dialogue_port"] = LOOPBACK
    if settings.actions_url is None:
        wanted["actions_port"] = LOOPBACK
    for name, host in wanted.items():
        _check_port(name, host, getattr(settings, name))


def _check_port(name: str, host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StartError(
                f"Port {port} is in use{_user_of(port)}: stop what uses it, or set {variable(name)} to a free port."
            ) from None
        if error.errno == errno.EACCES:
            raise StartError(
                f"This account may not listen on port {port}: set {variable(name)} to a port above 1023."
            ) from None
        raise StartError(
            f"{variable('host')} is wrong ({host} is no address of this machine): set it to one, such as 127.0.0.1."
        ) from None


def _user_of(port: int) -> str:
    """Return who uses the port, in words, as far as this account may know."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""


def end_leftovers(folder: DataFolder, grace_s: float) -> None:
    """Afterwards no process of an earlier stack runs: one that was killed may have left some that still stop."""
    left = folder.running()
    if left is None:
        return
    alive = [process for noted in left.processes if (process := _same_process(noted)) is not None]
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(alive, timeout=grace_s)
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=grace_s)
    folder.forget_running()


def _same_process(noted: RunningProcess) -> psutil.Process | None:
    """Return the process if it is still the one that was noted, not a later one with the same id."""
    if noted.pid is None or noted.started_at is None:
        return None
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(noted.pid)
        if abs(process.create_time() - noted.started_at) < SAME_START_S:
            return process
    return None


# --- stopping -------------------------------------------------------------------------------------


@contextlib.contextmanager
def _stopped_like_by_ctrl_c() -> Iterator[None]:
    """Let SIGTERM and a closed terminal stop the preparation as Ctrl-C does: cleanly, with its child ended."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop_signals() -> asyncio.Event:
    """Return an event that is set when this process is told to stop."""
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    return told


async def _unless(event: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do the work unless the event comes first; return whether the work was done.

    Raises:
        Whatever the work raises.
    """
    doing, waiting = asyncio.ensure_future(work), asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({doing, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            doing.result()
        return doing.done()
    finally:
        for task in (doing, waiting):
            task.cancel()
        await asyncio.gather(doing, waiting, return_exceptions=True)


async def _together(works: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Do all of the works at once; the first that fails cancels the others.

    Raises:
        Whatever the first failing work raises.
    """
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
