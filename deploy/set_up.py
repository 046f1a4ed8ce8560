"""Build the environments that Bedside runs in: `.venv` (the application) and `.venv-dialogue` (Rasa, Python 3.10).

    python3 deploy/set_up.py [application | dialogue | all] [--dev] [--again]

Before everything else: standard library only, any Python from 3.9 on. What is installed is exactly what the locks name;
nothing is resolved here, so nothing can slip in (accelerate alone would pull gigabytes of CUDA onto a machine without a
GPU). Each environment carries a stamp of what it was built from; when nothing has changed, nothing is done.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TextIO

REPOSITORY = Path(__file__).resolve().parents[1]
LOCKS = REPOSITORY / "deploy" / "locks"
APPLICATION = REPOSITORY / ".venv"
DIALOGUE = REPOSITORY / ".venv-dialogue"
DIALOGUE_LOCK = REPOSITORY / "bot" / "dialogue" / "requirements.txt"
LOG = REPOSITORY / ".bedside" / "logs" / "set_up.log"
ONE_AT_A_TIME = REPOSITORY / ".bedside" / "set_up.lock"

APPLICATION_PYTHONS = ("3.11", "3.12", "3.13")
"""3.11 first: more wheels, and small ones of torch, are made for it."""
DIALOGUE_PYTHON = "3.10"
"""Rasa 3.6.21 runs on no later one."""

STAMP = "bedside_stamp.json"
TORCH_STAMP = "bedside_torch.json"
SECONDS_BETWEEN_LINES = 10.0
PROBE_TIMEOUT_S = 30.0
BASE = "getattr(sys, '_base_executable', sys.executable)"
"""The Python behind an environment: one that is made from another environment would fall with it."""


class SetUpError(Exception):
    """The environments cannot be built; the message is one sentence with what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what is missing or out of date. Returns the exit code: 0, or 2 after one clear sentence."""
    chosen = _parser().parse_args(arguments)
    try:
        with _one_at_a_time():
            if chosen.what in {"application", "all"}:
                set_up_application(dev=chosen.dev, again=chosen.again)
            if chosen.what in {"dialogue", "all"}:
                set_up_dialogue(again=chosen.again)
    except SetUpError as error:
        _say(str(error), to_stderr=True)
        return 2
    except KeyboardInterrupt:
        _say("Stopped; the next run goes on from here.", to_stderr=True)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Build the environments that Bedside runs in.")
    parser.add_argument("what", nargs="?", default="all", choices=("application", "dialogue", "all"))
    parser.add_argument("--dev", action="store_true", help="also what the checks and tests need")
    parser.add_argument("--again", action="store_true", help="install again, and look for torch again")
    return parser


# --- the application ------------------------------------------------------------------------------


def set_up_application(*, dev: bool, again: bool = False) -> None:
    """Afterwards `.venv` holds what the locks name, the project itself and, where one can be had, a fitting torch."""
    locks = [LOCKS / "application.txt", LOCKS / "models.txt", LOCKS / "uv.txt", REPOSITORY / "pyproject.toml"]
    if dev or "development.txt" in read_stamp(APPLICATION):
        locks.append(LOCKS / "development.txt")
    if again or not is_current(APPLICATION, locks):
        _build_application(locks)
    _set_up_torch(again=again)


def _build_application(locks: list[Path]) -> None:
    python, uv = _python_in(APPLICATION), APPLICATION / "bin" / "uv"
    if python_version(python) not in APPLICATION_PYTHONS:
        _create_application_environment()
    _forget_stamp(APPLICATION)
    bootstrap = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "-r", str(LOCKS / "uv.txt")]
    if not uv.exists() or not _lock_is_installed(LOCKS / "uv.txt", python):
        run_step("Fetching the installer", bootstrap)
    requirements = [path for path in locks if path.suffix == ".txt" and path.name != "uv.txt"]
    run_step(
        f"Installing {_count(requirements)} packages for the application",
        _install_command(uv, python, requirements),
    )
    run_step(
        "Installing Bedside itself",
        [
            str(APPLICATION / "bin" / "uv"),
            "pip",
            "install",
            "--python",
            str(python),
            "--no-deps",
            "-e",
            str(REPOSITORY),
        ],
    )
    write_stamp(APPLICATION, locks)


def _create_application_environment() -> None:
    found = find_python(
        APPLICATION_PYTHONS, needs="venv, ensurepip", first=getattr(sys, "_base_executable", sys.executable)
    )
    if found is not None:
        run_step(
            f"Making .venv with Python {python_version(found)}",
            [str(found), "-m", "venv", "--clear", str(APPLICATION)],
        )
        return
    uv = find_uv()
    run_step(
        f"Fetching Python {APPLICATION_PYTHONS[0]} and making .venv with it",
        [str(uv), "venv", "--clear", "--seed", "--python", APPLICATION_PYTHONS[0], str(APPLICATION)],
        remedy="install Python 3.11, 3.12 or 3.13 (with its venv module) and run this again",
    )


# --- torch ----------------------------------------------------------------------------------------


def _set_up_torch(*, again: bool) -> None:
    """Afterwards torch is there in the build that fits the machine, or one sentence has said what goes without it.

    Only answers drafted by a local model need torch, so a machine that cannot get it is still set up.
    """
    lock = LOCKS / "torch.txt"
    wanted = read_pins(lock)["torch"]
    python = _python_in(APPLICATION)
    if not again and is_current(APPLICATION, [lock], TORCH_STAMP):
        return
    if _installed_version(python, "torch").split("+")[0] != wanted and not _install_torch(python, wanted):
        _say(
            f"torch {wanted} for this machine could not be had, so answers drafted by a local model are off; everything"
            f" else works. `python3 deploy/set_up.py application --again` looks again (details: {LOG}).",
            to_stderr=True,
        )
    write_stamp(APPLICATION, [lock], TORCH_STAMP)


def _install_torch(python: Path, wanted: str) -> bool:
    """Try the builds that fit this machine, best first, and return whether one is installed now."""
    for title, command in torch_commands(python, wanted, gpu=has_nvidia_gpu(), platform=sys.platform):
        try:
            run_step(title, command)
        except SetUpError:
            continue
        return True
    return False


def torch_commands(python: Path, wanted: str, *, gpu: bool, platform: str) -> list[tuple[str, list[str]]]:
    """Return the ways to get torch, each a title and a command, best first; none of them fetches CUDA without a GPU.

    Without a GPU a Linux machine takes the build whose version ends in `+cpu`: asking for that name costs nothing where
    it is not offered, while any look at the plain version may download half a gigabyte. pip is asked first, because a
    place that keeps such a build usually tells pip where; then uv, which knows where torch's own CPU builds are.
    """
    uv = str(APPLICATION / "bin" / "uv")
    pip_install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-deps"]
    uv_install = [uv, "pip", "install", "--python", str(python)]
    if platform != "linux":
        return [("Installing torch", [*pip_install, f"torch=={wanted}"])]
    if gpu:
        pinned = ["--constraints", str(LOCKS / "application.txt")]
        return [("Installing torch for the NVIDIA GPU", [*uv_install, *pinned, f"torch=={wanted}"])]
    return [
        ("Installing torch for the CPU", [*pip_install, f"torch=={wanted}+cpu"]),
        (
            "Installing torch for the CPU from its own index",
            [*uv_install, "--no-deps", "--torch-backend", "cpu", f"torch=={wanted}"],
        ),
    ]


def has_nvidia_gpu() -> bool:
    """Return whether an NVIDIA driver answers on this machine."""
    probe = shutil.which("nvidia-smi")
    return probe is not None and _output([probe, "-L"]).startswith("GPU")


# --- dialogue -------------------------------------------------------------------------------------


def set_up_dialogue(*, again: bool = False) -> None:
    """Afterwards `.venv-dialogue` holds Rasa and what its lock names, on Python 3.10."""
    if not DIALOGUE_LOCK.is_file():
        raise SetUpError(f"{DIALOGUE_LOCK} is missing: restore it from the repository.")
    if not again and is_current(DIALOGUE, [DIALOGUE_LOCK]):
        return
    uv = find_uv()
    python = _python_in(DIALOGUE)
    if python_version(python) != DIALOGUE_PYTHON:
        found = _find_dialogue_python(uv)
        run_step(
            f"Making .venv-dialogue with Python {DIALOGUE_PYTHON}",
            [str(uv), "venv", "--clear", "--python", str(found), str(DIALOGUE)],
        )
    _forget_stamp(DIALOGUE)
    run_step(
        f"Installing {_count([DIALOGUE_LOCK])} packages for the dialogue",
        _install_command(uv, python, [DIALOGUE_LOCK]),
    )
    write_stamp(DIALOGUE, [DIALOGUE_LOCK])


def _find_dialogue_python(uv: Path) -> Path:
    found = find_python((DIALOGUE_PYTHON,)) or _uv_python(uv, DIALOGUE_PYTHON)
    if found is None:
        run_step(
            f"Fetching Python {DIALOGUE_PYTHON}",
            [str(uv), "python", "install", DIALOGUE_PYTHON],
            remedy=f"install Python {DIALOGUE_PYTHON}, which the dialogue process needs (for example with pyenv, uv or"
            " your system's packages), and run this again",
        )
        found = _uv_python(uv, DIALOGUE_PYTHON)
    if found is None:
        raise SetUpError(
            f"Python {DIALOGUE_PYTHON}, which the dialogue process needs, was not found: install it first."
        )
    return found


# --- finding Python and uv ------------------------------------------------------------------------


def find_python(versions: Sequence[str], *, needs: str = "sys", first: str | None = None) -> Path | None:
    """Return a Python of the earliest of these versions that can be found and runs, or None.

    Args:
        versions: such as `3.11`, best first.
        needs: modules it must be able to import, with commas between them.
        first: a Python to prefer among those of one version.
    """
    pyenv_root = Path(os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv")))
    for version in versions:
        named = shutil.which(f"python{version}")
        candidates = [first, named, *map(str, sorted(pyenv_root.glob(f"versions/{version}*/bin/python"), reverse=True))]
        for candidate in candidates:
            # A name on PATH may be a shim that stands for nothing, so each is run.
            if candidate and python_version(Path(candidate), needs) == version:
                return _real_python(Path(candidate))
    return None


def python_version(python: Path, needs: str = "sys") -> str | None:
    """Return the version of this Python as `3.11`, or None when it does not run or lacks a needed module."""
    answer = _output([str(python), "-c", f"import sys, {needs}; print('%d.%d' % sys.version_info[:2])"]).strip()
    return answer or None


def _real_python(python: Path) -> Path:
    """Return the Python itself, neither a shim nor another environment's."""
    answer = _output([str(python), "-c", f"import sys; print({BASE})"]).strip()
    return Path(answer or python)


def _uv_python(uv: Path, version: str) -> Path | None:
    answer = _output([str(uv), "python", "find", version]).strip()
    return Path(answer) if answer and python_version(Path(answer)) == version else None


def find_uv() -> Path:
    """Return a uv that runs: the application's own, one on PATH, else one fetched for this run.

    Raises:
        SetUpError: there is none and pip cannot fetch it.
    """
    for candidate in (str(APPLICATION / "bin" / "uv"), shutil.which("uv")):
        if candidate and _output([candidate, "--version"]):
            return Path(candidate)
    tools = Path(tempfile.gettempdir()) / f"bedside-uv-{os.getuid()}"
    run_step(
        "Fetching the installer",
        [sys.executable, "-m", "pip", "install", "--target", str(tools), "--upgrade", "-r", str(LOCKS / "uv.txt")],
        remedy="install uv or Python's venv module (on Debian and Ubuntu: python3-venv), and run this again",
    )
    return tools / "bin" / "uv"


# --- installing -----------------------------------------------------------------------------------


def _install_command(uv: Path, python: Path, requirements: Sequence[Path]) -> list[str]:
    files = [part for path in requirements for part in ("-r", str(path))]
    return [str(uv), "pip", "install", "--python", str(python), "--no-deps", "--compile-bytecode", *files]


def _python_in(environment: Path) -> Path:
    return environment / "bin" / "python"


def _count(requirements: Sequence[Path]) -> int:
    return sum(len(read_pins(path)) for path in requirements)


def read_pins(lock: Path) -> dict[str, str]:
    """Return the version that the lock pins for each package."""
    pins = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        name, separator, rest = line.partition("==")
        if separator and not line.startswith("#"):
            pins[name.strip()] = rest.split(";")[0].strip()
    return pins


def _lock_is_installed(lock: Path, python: Path) -> bool:
    return all(_installed_version(python, name) == version for name, version in read_pins(lock).items())


def _installed_version(python: Path, package: str) -> str:
    """Return the version of the package in the environment of this Python, empty when it is not there."""
    ask = f"from importlib.metadata import version; print(version({package!r}))"
    return _output([str(python), "-c", ask]).strip()


def installer_environment(environment: Mapping[str, str], pip_settings: str) -> dict[str, str]:
    """Return the environment for the installers: uv is told of the package index that pip is set to, if of none itself.

    Args:
        environment: the variables of this process.
        pip_settings: what `pip config list` prints.
    """
    variables = dict(environment)
    # An environment that is active, or another project's paths, must not decide what is installed where.
    for name in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "UV_PROJECT_ENVIRONMENT"):
        variables.pop(name, None)
    variables["PYTHONDONTWRITEBYTECODE"] = ""
    for line in pip_settings.splitlines():
        key, _, value = line.partition("=")
        if key.endswith(".index-url") and not {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & variables.keys():
            variables["UV_DEFAULT_INDEX"] = value.strip("'\"")
    return variables


def run_step(title: str, command: Sequence[str], *, remedy: str = "") -> None:
    """Run one command with its output in the log, showing the title and how long it has taken.

    Raises:
        SetUpError: the command failed; the sentence names the step, the log and the remedy.
    """
    started = time.monotonic()
    _make_folder(LOG.parent)
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"\n$ {' '.join(command)}\n")
        log.flush()
        environment = installer_environment(os.environ, _pip_settings())
        try:
            process = subprocess.Popen(  # noqa: S603 - commands of this file only
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )
        except OSError as error:
            raise SetUpError(f"{title} failed ({error}): {remedy or 'run this again'}.") from None
        with contextlib.closing(_progress(title, started)) as progress:
            try:
                while process.poll() is None:
                    next(progress)
            finally:
                _end(process)
    if process.returncode != 0:
        _say(f"{title}: failed after {_elapsed(started)}")
        raise SetUpError(
            f"{title} failed: {remedy or 'read why at the end of the log and run this again'} (log: {LOG})."
        )
    _say(f"{title}: done in {_elapsed(started)}")


@lru_cache
def _pip_settings() -> str:
    return _output([sys.executable, "-m", "pip", "config", "list"])


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        process.wait()


def _progress(title: str, started: float) -> Generator[None, None, None]:
    """Show the title with the time that has passed: a line that moves on a terminal, else a new line now and then."""
    terminal = sys.stdout.isatty()
    if not terminal:
        _say(f"{title} …")
    last_line = started
    try:
        while True:
            if terminal:
                _show(f"\r\033[K{title} … {_elapsed(started)}")
            elif time.monotonic() - last_line >= SECONDS_BETWEEN_LINES:
                last_line = time.monotonic()
                _say(f"{title} … {_elapsed(started)}")
            yield
            time.sleep(0.1)
    finally:
        if terminal:
            _show("\r\033[K")


def _elapsed(started: float) -> str:
    return f"{time.monotonic() - started:.0f} s"


def _say(line: str, *, to_stderr: bool = False) -> None:
    _show(f"{line}\n", sys.stderr if to_stderr else sys.stdout)


def _show(text: str, stream: TextIO | None = None) -> None:
    stream = stream or sys.stdout
    stream.write(text)
    stream.flush()


def _output(command: Sequence[str]) -> str:
    """Return what the command prints, empty when it cannot run, fails or hangs."""
    try:
        done = subprocess.run(  # noqa: S603 - commands of this file only
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


# --- stamps ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Part:
    name: str
    digest: str


def fingerprint(files: Sequence[Path]) -> dict[str, str]:
    """Return the name and the digest of each file's content, and of this script."""
    parts = [_Part(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in [*files, Path(__file__)]]
    return {part.name: part.digest for part in parts}


def is_current(environment: Path, files: Sequence[Path], stamp: str = STAMP) -> bool:
    """Return whether the environment was built from exactly these files, by this script, and its Python still runs."""
    found = read_stamp(environment, stamp)
    return (
        bool(found)
        and all(found.get(name) == digest for name, digest in fingerprint(files).items())
        and found.get("python") == python_version(_python_in(environment))
    )


def read_stamp(environment: Path, stamp: str = STAMP) -> dict[str, str]:
    """Return what the environment was built from, empty when it has no stamp or an unreadable one."""
    try:
        found = json.loads((environment / stamp).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_stamp(environment: Path, files: Sequence[Path], stamp: str = STAMP) -> None:
    """Note beside the environment what it was built from."""
    content = {**fingerprint(files), "python": python_version(_python_in(environment))}
    (environment / stamp).write_text(json.dumps(content, indent=1), encoding="utf-8")


def _forget_stamp(environment: Path) -> None:
    for stamp in (STAMP, TORCH_STAMP):
        (environment / stamp).unlink(missing_ok=True)


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Hold the set-up's lock: two set-ups in one folder would break each other's environments."""
    _make_folder(ONE_AT_A_TIME.parent)
    with ONE_AT_A_TIME.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("Another set-up is at work in this folder; waiting for it …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(folder)
    except OSError:
        raise SetUpError(f"{folder} cannot be written: give this account the right to write there.") from None


if __name__ == "__main__":
    raise SystemExit(main())
