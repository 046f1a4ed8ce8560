"""The set-up does nothing when nothing has changed, fetches no CUDA without a GPU, and fails in one sentence."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "set_up.py"


@pytest.fixture
def set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with its folders below a temporary one, and every installing step noted instead of run."""
    spec = importlib.util.spec_from_file_location("set_up_under_test", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "set_up_under_test", module)
    spec.loader.exec_module(module)
    module.APPLICATION = tmp_path / ".venv"  # type: ignore[attr-defined]
    module.DIALOGUE = tmp_path / ".venv-dialogue"  # type: ignore[attr-defined]
    module.LOG = tmp_path / "logs" / "set_up.log"  # type: ignore[attr-defined]
    module.ONE_AT_A_TIME = tmp_path / "set_up.lock"  # type: ignore[attr-defined]
    return module


class Steps:
    """Stands in for running: notes the titles, and makes the environment's Python appear when it is to be made."""

    def __init__(self, set_up: ModuleType) -> None:
        self._set_up = set_up
        self.titles: list[str] = []

    def __call__(self, title: str, command: Sequence[str], *, remedy: str = "") -> None:
        self.titles.append(title)
        if title.startswith("Making .venv-dialogue"):
            pretend_environment(self._set_up.DIALOGUE)
        elif title.startswith("Making .venv"):
            pretend_environment(self._set_up.APPLICATION)


def pretend_environment(folder: Path) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    return folder


def running_python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def test_an_environment_is_current_until_something_it_was_made_from_changes(set_up: ModuleType, tmp_path: Path) -> None:
    """The lock's content decides, not its date."""
    environment = pretend_environment(tmp_path / "env")
    lock = tmp_path / "lock.txt"
    lock.write_text("rasa==3.6.21\n")
    assert not set_up.is_current(environment, [lock])
    set_up.write_stamp(environment, [lock])
    assert set_up.is_current(environment, [lock])
    lock.touch()
    assert set_up.is_current(environment, [lock])
    lock.write_text("rasa==3.6.20\n")
    assert not set_up.is_current(environment, [lock])


def test_an_environment_whose_python_is_gone_is_not_current(set_up: ModuleType, tmp_path: Path) -> None:
    """An upgrade of the system may remove the Python that an environment stands on."""
    environment = pretend_environment(tmp_path / "env")
    lock = tmp_path / "lock.txt"
    lock.write_text("rasa==3.6.21\n")
    set_up.write_stamp(environment, [lock])
    (environment / "bin" / "python").unlink()
    assert not set_up.is_current(environment, [lock])


def test_a_broken_stamp_counts_as_none(set_up: ModuleType, tmp_path: Path) -> None:
    """Half a stamp costs one more installation, never a wrong one."""
    (tmp_path / set_up.STAMP).write_text("{")
    assert set_up.read_stamp(tmp_path) == {}
    (tmp_path / set_up.STAMP).write_text("[]")
    assert set_up.read_stamp(tmp_path) == {}


def test_the_second_run_installs_nothing(set_up: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is rebuilt that has not changed; `--again` is the way to ask for it."""
    steps = Steps(set_up)
    monkeypatch.setattr(set_up, "run_step", steps)
    monkeypatch.setattr(set_up, "APPLICATION_PYTHONS", (running_python(),))
    monkeypatch.setattr(set_up, "DIALOGUE_PYTHON", running_python())
    assert set_up.main(["all", "--dev"]) == 0
    assert any("packages for the application" in title for title in steps.titles)
    assert any("packages for the dialogue" in title for title in steps.titles)
    steps.titles.clear()
    assert set_up.main(["all", "--dev"]) == 0
    assert set_up.main(["all"]) == 0
    assert steps.titles == []
    assert set_up.main(["dialogue", "--again"]) == 0
    assert len(steps.titles) == 1


def test_without_a_gpu_no_way_to_torch_can_fetch_cuda(set_up: ModuleType) -> None:
    """Gigabytes of CUDA on a clinic's small machine would be of no use to anybody."""
    commands = [command for _, command in set_up.torch_commands(Path("python"), "2.13.0", gpu=False, platform="linux")]
    assert len(commands) == 2
    for command in commands:
        assert "--no-deps" in command
        assert command[-1] == "torch==2.13.0+cpu" or ("--torch-backend" in command and "cpu" in command)


def test_with_a_gpu_torch_comes_with_what_it_needs_and_moves_no_other_package(set_up: ModuleType) -> None:
    """The pinned versions stay as the lock names them."""
    ((_, command),) = set_up.torch_commands(Path("python"), "2.13.0", gpu=True, platform="linux")
    assert "--no-deps" not in command
    assert "--constraints" in command


def test_other_systems_take_the_only_build_there_is(set_up: ModuleType) -> None:
    """There is no CUDA build for a Mac."""
    ((_, command),) = set_up.torch_commands(Path("python"), "2.13.0", gpu=False, platform="darwin")
    assert command[-1] == "torch==2.13.0"


def test_a_machine_that_cannot_get_torch_is_set_up_all_the_same(
    set_up: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only answers drafted by a local model need it; one sentence says so, and the next run does not try again."""
    pretend_environment(set_up.APPLICATION)
    tried: list[str] = []

    def fail(title: str, command: Sequence[str], *, remedy: str = "") -> None:
        tried.append(title)
        raise set_up.SetUpError(title)

    monkeypatch.setattr(set_up, "run_step", fail)
    monkeypatch.setattr(set_up, "_installed_version", lambda python, package: "")
    monkeypatch.setattr(set_up, "has_nvidia_gpu", lambda: False)
    monkeypatch.setattr(sys, "platform", "linux")
    set_up._set_up_torch(again=False)
    assert len(tried) == 2
    assert "answers drafted by a local model are off" in capsys.readouterr().err
    set_up._set_up_torch(again=False)
    assert len(tried) == 2


def test_no_python_310_is_one_sentence_and_exit_code_2(
    set_up: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever lacks it reads which Python, what for, and how to get it."""
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\nexit 1\n")
    uv.chmod(0o755)
    monkeypatch.setattr(set_up, "find_uv", lambda: uv)
    monkeypatch.setattr(set_up, "find_python", lambda versions, **_: None)
    assert set_up.main(["dialogue"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "Python 3.10" in said
    assert "install Python 3.10" in said


def test_a_shim_that_stands_for_nothing_is_passed_over(
    set_up: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name on PATH is only believed when it runs and is what it says."""
    shim = tmp_path / "python3.10"
    shim.write_text("#!/bin/sh\necho 'python3.10: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "nowhere"))
    assert set_up.find_python(("3.10",)) is None


def test_a_step_that_fails_names_its_log(set_up: ModuleType) -> None:
    """The command's own words stand at the end of the log."""
    with pytest.raises(set_up.SetUpError, match=r"^Installing failed: read why .*set_up\.log\)\.$"):
        set_up.run_step("Installing", [sys.executable, "-S", "-c", "raise SystemExit('no such package')"])
    assert set_up.LOG.read_text().rstrip().endswith("no such package")


def test_a_long_step_says_that_it_goes_on(
    set_up: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody looks at a silent screen for long, also where there is no terminal."""
    monkeypatch.setattr(set_up, "SECONDS_BETWEEN_LINES", 0.0)
    set_up.run_step("Installing", [sys.executable, "-S", "-c", "import time; time.sleep(0.3)"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Installing …"
    assert lines[1].startswith("Installing … ")
    assert lines[-1].startswith("Installing: done in ")


def test_an_unwritable_folder_is_one_sentence(
    set_up: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence names the folder."""
    (tmp_path / "file").touch()
    set_up.ONE_AT_A_TIME = tmp_path / "file" / "set_up.lock"  # type: ignore[attr-defined]
    assert set_up.main(["dialogue"]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_the_installer_asks_where_pip_is_set_to_ask(set_up: ModuleType) -> None:
    """A clinic that keeps its own package index has told pip so; nobody should have to say it twice."""
    told = set_up.installer_environment({"VIRTUAL_ENV": "/other"}, "global.index-url='https://mirror.example/simple'\n")
    assert told["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert "VIRTUAL_ENV" not in told
    own = set_up.installer_environment(
        {"UV_DEFAULT_INDEX": "https://own.example"}, "global.index-url='https://m.example'"
    )
    assert own["UV_DEFAULT_INDEX"] == "https://own.example"


def test_pins_are_read_from_a_lock(set_up: ModuleType, tmp_path: Path) -> None:
    """Markers and comments are no part of a version."""
    lock = tmp_path / "lock.txt"
    lock.write_text("# comment==1\nnumpy==2.4.6 ; python_full_version < '3.12'\nuv==0.13.9\n")
    assert set_up.read_pins(lock) == {"numpy": "2.4.6", "uv": "0.13.9"}
