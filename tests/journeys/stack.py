"""Starts the whole product as an operator does, with `bedside up`, on ports and a data folder of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from tests.store import free_port

REPOSITORY = Path(__file__).resolve().parents[2]
BEDSIDE = Path(sys.executable).with_name("bedside")
PREPARED = REPOSITORY / ".bedside"
START_S = 180
SIGN_IN = re.compile(r"First sign-in\s+(\S+) / (\S+)")
CHOSEN_PASSWORD = "four words that hold"


def _csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None, page[:500]
    return found[1]


@dataclass
class RunningBedside:
    """The product, running."""

    address: str
    folder: Path
    process: subprocess.Popen[bytes]
    output: Path
    environment: dict[str, str]
    chosen: tuple[str, str] | None = None

    def first_sign_in(self) -> tuple[str, str]:
        """Return the name that `bedside up` printed, and the password that was chosen instead of the printed one."""
        if self.chosen is None:
            found = SIGN_IN.search(self.output.read_text(encoding="utf-8"))
            assert found is not None, self.output.read_text(encoding="utf-8")
            self._choose_password(found[1], found[2])
            self.chosen = found[1], CHOSEN_PASSWORD
        return self.chosen

    def add_staff(self, name: str, role: str) -> tuple[str, str]:
        """Return the name and password of a new account that has signed in once."""
        printed = self.command("staff", "add", name, "--role", role)
        assert printed.returncode == 0, printed.stderr
        self._choose_password(name, printed.stdout.split(" / ")[1].split()[0])
        return name, CHOSEN_PASSWORD

    def _choose_password(self, name: str, printed: str) -> None:
        """Sign in for the first time, as the desk asks for it."""
        with httpx.Client(base_url=self.address, follow_redirects=True, trust_env=False, timeout=30.0) as client:
            csrf = _csrf(client.get("/desk/sign-in").text)
            page = client.post("/desk/sign-in", data={"sign_in": name, "password": printed, "csrf": csrf})
            assert str(page.url).endswith("/account/password"), page.text[:500]
            fresh = {"new": CHOSEN_PASSWORD, "again": CHOSEN_PASSWORD, "csrf": _csrf(page.text)}
            assert client.post("/desk/account/password", data=fresh).status_code == 200

    def pid_of(self, name: str) -> int:
        """Return the process id of one of the four processes."""
        noted = json.loads((self.folder / "run" / "stack.json").read_text(encoding="utf-8"))
        pid = next(process["pid"] for process in noted["processes"] if process["name"] == name)
        assert isinstance(pid, int)
        return pid

    def kill(self, name: str) -> None:
        """Kill one process the hard way; the stack starts it again."""
        os.kill(self.pid_of(name), signal.SIGKILL)

    def resident_bytes(self) -> dict[str, int]:
        """Return the resident memory of every process, children included, by name."""
        noted = json.loads((self.folder / "run" / "stack.json").read_text(encoding="utf-8"))
        sizes = {"stack": psutil.Process(self.process.pid).memory_info().rss}
        for process in noted["processes"]:
            root = psutil.Process(process["pid"])
            family = [root, *root.children(recursive=True)]
            sizes[process["name"]] = sum(member.memory_info().rss for member in family)
        return sizes

    def command(self, *arguments: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a `bedside` command against this stack."""
        return subprocess.run(
            [str(BEDSIDE), *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )


@contextlib.contextmanager
def running_bedside(folder: Path, **settings: str) -> Iterator[RunningBedside]:
    """Give the product once it is ready; stop it cleanly afterwards."""
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    for name in ("models", "embeddings"):  # trained and embedded once for every run
        (PREPARED / name).mkdir(parents=True, exist_ok=True)
        if not (data / name).exists():
            (data / name).symlink_to(PREPARED / name)
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("BEDSIDE_")},
        "BEDSIDE_DATA_DIR": str(data),
        "BEDSIDE_PORT": str(port),
        "BEDSIDE_STORE_PORT": str(free_port()),
        "BEDSIDE_DIALOGUE_PORT": str(free_port()),
        "BEDSIDE_ACTIONS_PORT": str(free_port()),
        "BEDSIDE_MESSAGES_PER_MINUTE": "1000",
        "BEDSIDE_CONVERSATIONS_PER_HOUR": "10000",
        "BEDSIDE_REQUESTS_PER_MINUTE": "100000",
        **settings,
    }
    output = folder / "up.log"
    with output.open("wb") as log:
        process = subprocess.Popen(
            [str(BEDSIDE), "up"], env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=REPOSITORY
        )
    bedside = RunningBedside(f"http://127.0.0.1:{port}", data, process, output, environment)
    try:
        _wait_until_ready(bedside)
        yield bedside
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        finally:
            process.kill()


def _wait_until_ready(bedside: RunningBedside) -> None:
    deadline = time.monotonic() + START_S
    while "Bedside is ready" not in bedside.output.read_text(encoding="utf-8"):
        assert bedside.process.poll() is None, bedside.output.read_text(encoding="utf-8")
        assert time.monotonic() < deadline, bedside.output.read_text(encoding="utf-8")
        time.sleep(0.1)
