"""Where the stack keeps things: the store, secrets, the trained model, logs, and what is running.

Before the line: `bedside up` opens the folder; the other commands read from it what is running and how to reach it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from bot.errors import StartError

_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600


@dataclass(frozen=True, slots=True)
class RunningProcess:
    """One process of the running stack, as noted in the runtime file."""

    name: str
    pid: int | None
    started_at: float | None
    """Unix time in seconds of the process's own start; tells it from a later process with the same id."""
    address: str
    log: str
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class RunningStack:
    """What `bedside up` notes about itself for the other commands."""

    pid: int
    ready: bool
    address: str
    """Where patients' browsers reach the widget page; the desk is at `/desk` below it."""
    processes: tuple[RunningProcess, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class StackSecrets:
    """The secrets that the stack makes for itself once."""

    internal_token: str
    data_key: str
    store_password: str


class DataFolder:
    """The folder that holds everything which must outlive a process. Only this account can read it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logs = path / "logs"
        self.run = path / "run"
        self.store = path / "store"
        self.secrets = path / "secrets"
        self.models = path / "models"

    def open(self) -> None:
        """Make the folder and those in it, for this account only.

        Raises:
            StartError: it cannot be written.
        """
        try:
            for folder in (self.path, self.logs, self.run, self.store, self.secrets, self.models):
                folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
                if not os.access(folder, os.W_OK | os.X_OK):
                    raise PermissionError
        except OSError:
            raise StartError(
                f"The data folder {self.path} cannot be written: give this account the right to write there, or set"
                " BEDSIDE_DATA_DIR to a folder that it may write."
            ) from None

    def make_secrets(self) -> StackSecrets:
        """Return the stack's secrets; those that do not exist yet are made and kept in files of this account only."""
        return StackSecrets(
            internal_token=self._secret("bedside_internal_token", secrets.token_urlsafe(32)),
            data_key=self._secret("bedside_data_key", Fernet.generate_key().decode()),
            store_password=self._secret("bedside_store_password", secrets.token_urlsafe(32)),
        )

    def kept_secret(self, name: str) -> str | None:
        """Return a secret that was made before, None when there is none that this account can read."""
        try:
            return (self.secrets / name).read_text(encoding="utf-8").strip() or None
        except OSError:
            return None

    def _secret(self, name: str, fresh: str) -> str:
        path = self.secrets / name
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(fresh)
        kept = path.read_text(encoding="utf-8").strip()
        if not kept:
            raise StartError(
                f"The secret in {path} is empty: put it back from a backup, or delete the file for a new one."
            )
        return kept

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for one stack; the hold ends with the process, however it ends.

        Raises:
            StartError: another stack holds it.
        """
        with (self.run / "stack.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StartError(
                    f"Bedside is already running on {self.path}: stop it with `bedside down`, or set BEDSIDE_DATA_DIR"
                    " to another folder."
                ) from None
            yield

    def is_held(self) -> bool:
        """Return whether a stack is running on this folder."""
        try:
            with self.held():
                return False
        except StartError:
            return True
        except OSError:  # no such folder yet, or not ours to read
            return False

    def log(self, name: str) -> Path:
        """Return the log of the process with this name."""
        return self.logs / f"{name}.log"

    def note_running(self, stack: RunningStack) -> None:
        """Keep what is running where the other commands find it."""
        write_private(self.run / "stack.json", json.dumps(asdict(stack), indent=1))

    def forget_running(self) -> None:
        """Afterwards nothing is noted as running."""
        (self.run / "stack.json").unlink(missing_ok=True)

    def running(self) -> RunningStack | None:
        """Return what was noted last; it may be left over from a stack that was killed. None when there is nothing."""
        try:
            noted: dict[str, Any] = json.loads((self.run / "stack.json").read_text(encoding="utf-8"))
            processes = tuple(RunningProcess(**process) for process in noted.pop("processes"))
            return RunningStack(**noted, processes=processes)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None


def write_private(path: Path, content: str) -> None:
    """Replace the file at once, so that nobody reads half of it; only this account can read it."""
    fresh = path.with_suffix(f"{path.suffix}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    fresh.replace(path)
