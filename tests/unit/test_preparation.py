"""What `bedside up` prepares is made once, and again only when what it is made from has changed."""

from __future__ import annotations

import io
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from actions.answering.embed import PackagedEmbedder
from bot import preparation
from bot.data_folder import DataFolder
from bot.dialogue import launch
from bot.embed_together import EmbeddersTogether
from bot.errors import StartError
from bot.progress import Progress
from bot.settings import StackSettings


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    folder = DataFolder(tmp_path / "data")
    folder.open()
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> StackSettings:
    topics = tmp_path / "locales" / "languages" / "en" / "topics"
    topics.mkdir(parents=True)
    (topics / "salt.md").write_text("salt")
    return StackSettings(data_dir=tmp_path / "data", locales=tmp_path / "locales", languages=("en",))


class Commands:
    """Stands in for running commands: counts them, and leaves what training leaves."""

    def __init__(self, *, leaves_model: bool = True) -> None:
        self.count = 0
        self._leaves_model = leaves_model

    def __call__(self, command: list[str], *_: object, **__: object) -> None:
        self.count += 1
        if "--out" in command and self._leaves_model:
            out = Path(command[command.index("--out") + 1])
            (out / "bedside.tar.gz").write_text("model")


def test_the_dialogue_is_trained_once_and_again_when_its_files_change(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training takes long, so it happens only when it must."""
    commands = Commands()
    monkeypatch.setattr(preparation, "run_logged", commands)
    progress = Progress(io.StringIO())
    for _ in range(2):
        preparation.train_dialogue(folder, progress)
    assert commands.count == 1
    assert preparation.trained_model(folder).is_file()
    monkeypatch.setattr(launch, "training_fingerprint", lambda: "changed")
    preparation.train_dialogue(folder, progress)
    assert commands.count == 2


def test_a_training_that_leaves_no_model_is_one_sentence_and_tried_again(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a training is none."""
    monkeypatch.setattr(preparation, "run_logged", Commands(leaves_model=False))
    for _ in range(2):
        with pytest.raises(StartError, match=r"left no model: read .*training.log"):
            preparation.train_dialogue(folder, Progress(io.StringIO()))
    assert not preparation.dialogue_is_trained(folder)


def test_content_is_embedded_again_when_a_topic_changes(
    folder: DataFolder, settings: StackSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clinician's edit is searchable after the next start."""
    commands = Commands()
    monkeypatch.setattr(preparation, "run_logged", commands)
    progress = Progress(io.StringIO())
    for _ in range(2):
        preparation.embed_content(settings, folder, progress)
    assert commands.count == 1
    (settings.locales / "languages" / "en" / "topics" / "salt.md").write_text("less salt")
    assert not preparation.content_is_embedded(settings, folder)
    preparation.embed_content(settings, folder, progress)
    assert commands.count == 2


@pytest.mark.parametrize(
    ("variables", "prepared"),
    [
        ({}, 0),
        ({"BEDSIDE_ANSWER_MODE": "drafted"}, 1),
        ({"BEDSIDE_ANSWER_MODE": "drafted", "BEDSIDE_MODEL": "/models/ours"}, 0),
        ({"BEDSIDE_ANSWER_MODE": "drafted", "BEDSIDE_MODEL_URL": "http://m/v1", "BEDSIDE_MODEL_NAME": "ours"}, 0),
    ],
)
def test_the_embedded_model_is_prepared_once_and_only_where_it_drafts(
    folder: DataFolder,
    settings: StackSettings,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    prepared: int,
) -> None:
    """Most clinics let no model draft, and need not wait for one."""
    for name in [name for name in os.environ if name.startswith("BEDSIDE_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    commands = Commands()
    monkeypatch.setattr(preparation, "run_logged", commands)
    for _ in range(2):
        preparation.prepare_model(settings, folder, Progress(io.StringIO()))
    assert commands.count == prepared


def test_what_runs_elsewhere_is_not_prepared_here(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway alone needs neither Rasa nor an embedder."""
    commands = Commands()
    monkeypatch.setattr(preparation, "run_logged", commands)
    monkeypatch.setattr(preparation, "set_up_dialogue", commands)
    settings = StackSettings(data_dir=tmp_path, dialogue_url="http://d:5005", actions_url="http://a:5055")
    preparation.prepare(settings, folder, Progress(io.StringIO()))
    assert commands.count == 0


def test_a_command_that_fails_tells_its_last_line_and_its_log(folder: DataFolder) -> None:
    """The sentence says why, the log says more."""
    code = "import sys; print('reading'); sys.exit('locales/x.md:3: this bullet has no words')"
    lines: list[str] = []
    with pytest.raises(StartError, match=r"^locales/x.md:3: this bullet has no words \(log: .*embedding.log\)$"):
        preparation.run_logged(
            [sys.executable, "-S", "-c", code], os.environ, folder.log("embedding"), folder.path, follow=lines.append
        )
    assert lines[0] == "reading"
    assert "reading" in folder.log("embedding").read_text()


@pytest.mark.model
def test_several_embedders_make_the_same_vectors_as_one_in_the_same_order() -> None:
    """How many processors a machine has must not change what patients find."""
    texts = ["Salt can raise blood pressure.", "La sal puede subir la presión.", "Wash your hands."]
    with EmbeddersTogether(2) as together:
        several = together.passages(texts)
        question = together.question("salt")
    alone = PackagedEmbedder()
    assert np.array_equal(several, alone.passages(texts))
    assert np.array_equal(question, alone.question("salt"))


def test_progress_is_lines_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log shows when a step began, that it goes on, and how long it took."""
    monkeypatch.setattr("bot.progress.SECONDS_BETWEEN_LINES", 0.0)
    monkeypatch.setattr("bot.progress.SECONDS_BETWEEN_MOVES", 0.01)
    stream = io.StringIO()
    progress = Progress(stream)
    with progress.step("Training"):
        progress.note("Training", "3 of 7")
        while "3 of 7" not in stream.getvalue():
            time.sleep(0.01)
    with pytest.raises(StartError), progress.step("Starting"):
        raise StartError("no")
    with pytest.raises(KeyboardInterrupt), progress.step("Waiting"):
        raise KeyboardInterrupt
    progress.end("never begun")
    progress.close()
    lines = stream.getvalue().splitlines()
    assert lines[0] == "Training …"
    assert any(line.startswith("Training … 3 of 7, ") for line in lines)
    assert [line.rsplit(" ", 2)[0] for line in lines if ": " in line] == [
        "Training: done in",
        "Starting: failed after",
        "Waiting: stopped after",
    ]


def test_progress_moves_one_line_on_a_terminal() -> None:
    """On a terminal all steps that go on share one line, and what is said stands above it."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    progress = Progress(terminal)
    with progress.step("Starting store"), progress.step("Starting gateway"):
        while "Starting store … 0 s · Starting gateway … 0 s" not in terminal.getvalue():
            time.sleep(0.01)
        progress.say("dialogue is back.")
    progress.close()
    assert "\r\033[Kdialogue is back.\n" in terminal.getvalue()


def test_an_import_that_was_interrupted_is_brought_to_its_end(
    settings: StackSettings, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is done while nothing was imported; what fails is told, and what is there answers all the same."""
    said = io.StringIO()
    commands = Commands()
    monkeypatch.setattr(preparation, "run_logged", commands)
    preparation.publish_imports(settings, folder, Progress(said))
    assert commands.count == 0
    collections = settings.data_dir / "content" / "collections"
    collections.mkdir(parents=True)
    (collections / "leaflets.jsonl").write_text("{}\n")
    preparation.publish_imports(settings, folder, Progress(said))
    assert commands.count == 1

    def fail(*_: object, **__: object) -> None:
        raise StartError("The embedder broke.")

    monkeypatch.setattr(preparation, "run_logged", fail)
    preparation.publish_imports(settings, folder, Progress(said))
    assert "The imported content stays as it was: The embedder broke." in said.getvalue()
