"""`bedside up`: what dies is started again, what must not start says why, and nothing stays behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from bot.data_folder import DataFolder, RunningProcess, RunningStack
from bot.errors import StartError
from bot.plans import addresses, plan_children, store_configuration
from bot.settings import StackSettings
from bot.stack import check_gateway_settings, check_ports, end_leftovers
from bot.watch import ChildPlan, Watch, cap_log, how_it_ended, last_line, run_to_end

TICKS = "import time\nwhile True: time.sleep(60)\n"
"""A child that lives until it is told to stop."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def at_once() -> bool:
    return True


async def never() -> bool:
    return False


class Scene:
    """A watch over tiny children, and what it said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self._news = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self.watch = Watch(
            say=self._hear,
            changed=self._news.set,
            start_timeout_s=20.0,
            stop_grace_s=5.0,
            log_max_bytes=1000,
        )

    def plan(self, name: str, code: str, is_ready: Callable[[], Awaitable[bool]] = at_once) -> ChildPlan:
        return ChildPlan(
            name=name,
            command=(sys.executable, "-S", "-c", code),
            environment=dict(os.environ),
            is_ready=is_ready,
            log=self.folder / f"{name}.log",
            folder=self.folder,
            address="nowhere",
        )

    def pid(self, name: str) -> int:
        process = self.watch.children[name].process
        assert process is not None
        return process.pid

    def keep(self) -> None:
        """Watch in the background until the scene stops."""
        self._keeping = asyncio.create_task(self.watch.keep())

    async def stop(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait({self._keeping})
        await self.watch.stop(tuple(self.watch.children))

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds; the watch rings at every change."""
        async with asyncio.timeout(20):
            while not holds():
                self._news.clear()
                await self._news.wait()

    def _hear(self, line: str) -> None:
        self.said.append(line)
        self._news.set()


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    await scene.stop()


def file_exists(path: Path) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return os.path.exists(path)  # noqa: PTH110, ASYNC240 - a look at one small file

    return look


async def test_a_process_that_is_killed_is_started_again(scene: Scene) -> None:
    """Whoever looks at the screen reads which process died, how, and that it is back."""
    await scene.watch.start(scene.plan("dialogue", TICKS))
    first = scene.pid("dialogue")
    scene.keep()
    os.kill(first, signal.SIGKILL)
    await scene.until(lambda: "dialogue is back." in scene.said)
    assert scene.pid("dialogue") != first
    assert psutil.pid_exists(scene.pid("dialogue"))
    assert scene.watch.children["dialogue"].restarts == 1
    assert scene.said[0].startswith("dialogue was killed (SIGKILL); starting it again in 0.5 s")


async def test_a_process_that_keeps_dying_is_started_ever_more_slowly(scene: Scene) -> None:
    """A process that cannot live must not keep the machine busy."""
    await scene.watch.start(scene.plan("actions", "raise SystemExit(3)"))
    scene.keep()
    await scene.until(lambda: scene.watch.children["actions"].restarts == 2)
    pauses = [line for line in scene.said if "starting it again" in line]
    assert "ended (exit code 3: it said nothing); starting it again in 0.5 s" in pauses[0]
    assert "starting it again in 1 s" in pauses[1]


async def test_what_must_be_done_before_a_restart_is_done(scene: Scene) -> None:
    """Content that was edited since the start is embedded first; when that fails, the words say why."""
    done: list[str] = []

    async def embed() -> None:
        done.append("embedded")
        if len(done) > 1:
            raise StartError("locales/x.md:3: a bullet has no words")

    await scene.watch.start(replace(scene.plan("actions", "raise SystemExit(2)"), before_restart=embed))
    scene.keep()
    await scene.until(lambda: "actions: locales/x.md:3: a bullet has no words" in scene.said)
    assert done == ["embedded", "embedded"]


async def test_a_command_that_fails_says_its_last_line(tmp_path: Path) -> None:
    """The reason stands in the sentence."""
    await run_to_end([sys.executable, "-S", "-c", "print('fine')"], {}, tmp_path / "log", tmp_path)
    with pytest.raises(StartError, match=r"^no room \(log: "):
        await run_to_end([sys.executable, "-S", "-c", "raise SystemExit('no room')"], {}, tmp_path / "log", tmp_path)


async def test_all_stop_in_order_and_are_asked_first(scene: Scene) -> None:
    """The door closes before the store, and each process may finish what it is doing."""
    code = (
        "import signal, sys, time, pathlib\n"
        "def stop(*_):\n"
        "    pathlib.Path('{name}.stopped').write_text(str(time.monotonic())); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "pathlib.Path('{name}.ready').touch()\n"
        "time.sleep(60)\n"
    )
    for name in ("store", "gateway"):
        ready = file_exists(scene.folder / f"{name}.ready")
        await scene.watch.start(scene.plan(name, code.replace("{name}", name), ready))
    pids = [scene.pid("store"), scene.pid("gateway")]
    await scene.watch.stop(("gateway",), ("store",))
    stopped = {name: float((scene.folder / f"{name}.stopped").read_text()) for name in ("gateway", "store")}
    assert stopped["gateway"] < stopped["store"]
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert scene.said == []


async def test_one_that_does_not_listen_is_ended_and_so_is_what_it_started(scene: Scene) -> None:
    """A process that hangs, and its own children, cannot keep Bedside from stopping."""
    code = (
        "import pathlib, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'])\n"
        "path = pathlib.Path('grandchild'); path.with_suffix('.new').write_text(str(child.pid))\n"
        "path.with_suffix('.new').rename(path)\n"
        "time.sleep(60)\n"
    )
    scene.watch.stop_grace_s = 0.2
    await scene.watch.start(scene.plan("dialogue", code, file_exists(scene.folder / "grandchild")))
    grandchild = psutil.Process(int((scene.folder / "grandchild").read_text()))
    await scene.watch.stop(("dialogue",))
    psutil.wait_procs([grandchild], timeout=10)
    assert not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE
    assert scene.said == ["dialogue did not stop within 0.2 s and is ended now."]


async def test_one_that_cannot_start_says_why(scene: Scene) -> None:
    """The last line that the process said is in the sentence, so that nobody has to look for a log first."""
    code = "import sys; print('working'); sys.exit('locales/x.yaml:3: the word is missing')"
    with pytest.raises(StartError, match=r"gateway did not start: locales/x.yaml:3: the word is missing \(log: "):
        await scene.watch.start(scene.plan("gateway", code, never))


async def test_one_that_is_never_ready_is_given_up(scene: Scene) -> None:
    """A start that hangs ends with a sentence that names the log and the setting."""
    scene.watch.start_timeout_s = 0.3
    with pytest.raises(StartError, match=r"not ready within 0 s: read .*actions.log.*BEDSIDE_START_TIMEOUT_S"):
        await scene.watch.start(scene.plan("actions", TICKS, never))


async def test_a_secret_reaches_a_process_without_standing_on_its_command_line(scene: Scene) -> None:
    """What the store must know is read from its input, where no other account can see it."""
    code = "import pathlib, sys; pathlib.Path(sys.stdin.read()).touch()\n" + TICKS
    plan = scene.plan("store", code, file_exists(scene.folder / "open sesame"))
    with_secret = replace(plan, standard_input=b"open sesame")
    await scene.watch.start(with_secret)
    assert "open sesame" not in " ".join(psutil.Process(scene.pid("store")).cmdline())


def test_no_process_outlives_a_stack_that_was_killed(tmp_path: Path) -> None:
    """Also after kill -9 of `bedside up` nothing goes on in the dark, and the next start finds its ports free."""
    code = f"""
import asyncio, os, pathlib, sys
from bot.watch import ChildPlan, Watch
async def ready(): return True
async def main():
    folder = pathlib.Path({str(tmp_path)!r})
    watch = Watch(print, lambda: None, 20.0, 5.0, 1000)
    await watch.start(ChildPlan("child", (sys.executable, "-S", "-c", {TICKS!r}), dict(os.environ), ready,
                                folder / "log", folder, ""))
    print(watch.children["child"].process.pid, flush=True)
    await watch.keep()
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as stack:
        assert stack.stdout is not None
        child = psutil.Process(int(stack.stdout.readline()))
        stack.kill()
    gone, alive = psutil.wait_procs([child], timeout=10)
    assert alive == []
    assert gone == [child]


def somebody_s_process() -> psutil.Process:
    """Start a process that is not our child, as one that a killed stack has left is not."""
    begin = [sys.executable, "-S", "-c", TICKS]
    quiet = "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL"
    code = f"import subprocess; print(subprocess.Popen({begin!r}, {quiet}).pid)"
    said = subprocess.run([sys.executable, "-S", "-W", "ignore", "-c", code], capture_output=True, check=True)
    return psutil.Process(int(said.stdout))


def settings_on(tmp_path: Path, **given: object) -> StackSettings:
    ports = {name: free_port() for name in ("port", "store_port", "dialogue_port", "actions_port")}
    return StackSettings(**{"data_dir": tmp_path / "data", **ports, **given})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("port", "BEDSIDE_PORT"),
        ("store_port", "BEDSIDE_STORE_PORT"),
        ("dialogue_port", "BEDSIDE_DIALOGUE_PORT"),
        ("actions_port", "BEDSIDE_ACTIONS_PORT"),
    ],
)
def test_a_port_in_use_is_one_sentence_with_the_setting(tmp_path: Path, name: str, variable: str) -> None:
    """Whoever starts Bedside reads which port, who uses it, and which setting names another."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        port = other.getsockname()[1]
        with pytest.raises(StartError) as caught:
            check_ports(settings_on(tmp_path, **{name: port}))
    assert str(caught.value).startswith(f"Port {port} is in use")
    assert f"set {variable} to a free port" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_ports_of_what_runs_elsewhere_may_be_in_use(tmp_path: Path) -> None:
    """Only what is started here needs a free port here."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        check_ports(settings_on(tmp_path, store_port=other.getsockname()[1], redis_url="redis://127.0.0.1:6379/0"))


def test_a_wrong_address_to_listen_on_is_one_sentence(tmp_path: Path) -> None:
    """An address that is not this machine's names the setting and an example."""
    with pytest.raises(StartError, match=r"BEDSIDE_HOST is wrong \(192\.0\.2\.1 is no address of this machine\)"):
        check_ports(settings_on(tmp_path, host="192.0.2.1"))


def test_a_second_stack_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    """Two stacks on one folder would both write to the store."""
    folder = DataFolder(tmp_path / "data")
    folder.open()
    assert not folder.is_held()
    with folder.held():
        assert folder.is_held()
        with pytest.raises(
            StartError, match=r"already running on .* stop it with `bedside down`, or set BEDSIDE_DATA_DIR"
        ):
            folder.held().__enter__()
    assert not folder.is_held()


def test_an_unwritable_data_folder_is_one_sentence(tmp_path: Path) -> None:
    """The sentence names the folder and the setting."""
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match=r"The data folder .* cannot be written: .* BEDSIDE_DATA_DIR"):
        DataFolder(tmp_path / "file" / "data").open()


def test_secrets_are_made_once_and_only_this_account_can_read_them(tmp_path: Path) -> None:
    """A second start opens what the first one sealed."""
    folder = DataFolder(tmp_path / "data")
    folder.open()
    made = folder.make_secrets()
    assert folder.make_secrets() == made
    assert stat.S_IMODE(folder.secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.secrets.iterdir()} == {0o600}


def test_an_empty_secret_is_never_replaced_in_silence(tmp_path: Path) -> None:
    """A new key would make everything that is stored unreadable, so a person decides."""
    folder = DataFolder(tmp_path / "data")
    folder.open()
    (folder.secrets / "bedside_data_key").touch()
    with pytest.raises(StartError, match="bedside_data_key is empty: put it back from a backup"):
        folder.make_secrets()


def test_what_runs_is_noted_and_a_broken_note_counts_as_none(tmp_path: Path) -> None:
    """`status` and `down` read the note; half a note must not stop them."""
    folder = DataFolder(tmp_path / "data")
    folder.open()
    assert folder.running() is None
    stack = RunningStack(1, True, "http://127.0.0.1:8080", (RunningProcess("store", 2, 3.0, "127.0.0.1:6390", "log"),))
    folder.note_running(stack)
    assert folder.running() == stack
    (folder.run / "stack.json").write_text('{"pid": 1')
    assert folder.running() is None
    (folder.run / "stack.json").write_text("[]")
    assert folder.running() is None


def test_what_a_killed_stack_left_is_ended_but_never_a_stranger(tmp_path: Path) -> None:
    """Only a process that still is the one that was noted is ended: ids are used again."""
    folder = DataFolder(tmp_path / "data")
    folder.open()
    left, stranger = somebody_s_process(), somebody_s_process()
    try:
        folder.note_running(
            RunningStack(
                1,
                True,
                "",
                (
                    RunningProcess("actions", left.pid, left.create_time(), "", ""),
                    RunningProcess("gateway", stranger.pid, stranger.create_time() - 3600, "", ""),
                ),
            )
        )
        end_leftovers(folder, grace_s=10.0)
        assert not left.is_running()
        assert stranger.is_running()
    finally:
        for process in (left, stranger):
            with contextlib.suppress(psutil.Error):
                process.kill()
    assert folder.running() is None


def test_each_process_is_told_only_the_secrets_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key that opens what is stored, and Telegram's token, reach the gateway and nobody else."""
    monkeypatch.setenv("BEDSIDE_TELEGRAM_TOKEN", "123:telegram")
    folder = DataFolder(tmp_path / "data")
    folder.open()
    secrets = folder.make_secrets()
    settings = settings_on(tmp_path)
    gateway = check_gateway_settings(settings, addresses(settings, secrets), secrets)
    plans = plan_children(settings, gateway, folder, secrets)
    assert list(plans) == ["store", "dialogue", "actions", "gateway"]
    holders = {
        name: {secret for secret in (secrets.data_key, "123:telegram") if secret in plan.environment.values()}
        for name, plan in plans.items()
    }
    assert holders == {
        "store": set(),
        "dialogue": set(),
        "actions": set(),
        "gateway": {secrets.data_key, "123:telegram"},
    }
    for plan in plans.values():
        assert not any(secret in " ".join(plan.command) for secret in (secrets.store_password, secrets.internal_token))


def test_what_is_named_elsewhere_is_not_started(tmp_path: Path) -> None:
    """One setting replaces one embedded part."""
    folder = DataFolder(tmp_path / "data")
    folder.open()
    settings = settings_on(
        tmp_path, redis_url="redis://r:6379/0", dialogue_url="http://d:5005", actions_url="http://a:5055/"
    )
    secrets = folder.make_secrets()
    gateway = check_gateway_settings(settings, addresses(settings, secrets), secrets)
    plans = plan_children(settings, gateway, folder, secrets)
    assert list(plans) == ["gateway"]
    assert plans["gateway"].environment["BEDSIDE_REDIS_URL"] == "redis://r:6379/0"
    assert plans["gateway"].environment["BEDSIDE_DIALOGUE_URL"] == "http://d:5005"
    assert plans["gateway"].environment["BEDSIDE_ACTIONS_URL"] == "http://a:5055"


async def test_the_embedded_store_keeps_what_it_said_it_kept_when_it_is_killed(tmp_path: Path) -> None:
    """What was acknowledged is there after kill -9, and nobody reads it without the password."""
    folder = DataFolder(tmp_path / "data")
    folder.open()
    secrets = folder.make_secrets()
    settings = settings_on(tmp_path)
    gateway = check_gateway_settings(settings, addresses(settings, secrets), secrets)
    plan = plan_children(settings, gateway, folder, secrets)["store"]
    scene = Scene(tmp_path)
    await scene.watch.start(plan)
    scene.keep()
    try:
        async with Redis.from_url(addresses(settings, secrets).redis_url, decode_responses=True) as redis:
            await redis.set("bedside:kept", "yes")
            os.kill(scene.pid("store"), signal.SIGKILL)
            await scene.until(lambda: "store is back." in scene.said)
        async with Redis.from_url(addresses(settings, secrets).redis_url, decode_responses=True) as redis:
            assert await redis.get("bedside:kept") == "yes"
            assert (await redis.config_get("maxmemory-policy"))["maxmemory-policy"] == "noeviction"
        async with Redis(port=settings.store_port) as stranger:
            with pytest.raises(AuthenticationError):
                await stranger.get("bedside:kept")
    finally:
        await scene.stop()


def test_the_store_can_be_told_to_lose_nothing_when_the_power_fails(tmp_path: Path) -> None:
    """One setting makes every group of writes wait for the disk."""
    settings = settings_on(tmp_path, store_fsync="always")
    assert "appendfsync always\n" in store_configuration(settings, tmp_path, "p")


def test_logs_stay_small(tmp_path: Path) -> None:
    """A log that has grown too long begins anew; its last part is kept beside it."""
    log = tmp_path / "gateway.log"
    with log.open("a") as child:
        child.write("old\n" * 10)
        child.flush()
        cap_log(log, max_bytes=20)
        child.write("new\n")
    assert log.read_text() == "new\n"
    assert (tmp_path / "gateway.log.1").read_text() == "old\n" * 10
    cap_log(tmp_path / "none.log", max_bytes=20)


def test_an_end_is_told_in_words(tmp_path: Path) -> None:
    """Nobody has to know numbers of signals."""
    log = tmp_path / "actions.log"
    assert last_line(log) == "it said nothing"
    log.write_text("working\nthe port is gone\n\n")
    assert how_it_ended(-signal.SIGKILL, log) == "was killed (SIGKILL)"
    assert how_it_ended(1, log) == "ended (exit code 1: the port is gone)"
