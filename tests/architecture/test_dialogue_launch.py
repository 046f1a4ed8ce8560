"""The commands that train and run the dialogue."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.dialogue import launch


def test_the_fingerprint_changes_with_every_file_that_training_reads_and_with_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("config.yml", "requirements.txt", "without_tensorflow.py", "endpoints.yml"):
        (tmp_path / name).write_text(name)
    for folder in ("domain", "data/nlu/en"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.yml").write_text(folder)
    monkeypatch.setattr(launch, "PROJECT", tmp_path)
    seen = {launch.training_fingerprint()}
    assert launch.training_fingerprint() in seen

    for changed in ("config.yml", "requirements.txt", "without_tensorflow.py", "domain/a.yml", "data/nlu/en/a.yml"):
        (tmp_path / changed).write_text("changed")
        assert launch.training_fingerprint() not in seen, changed
        seen.add(launch.training_fingerprint())
    (tmp_path / "data" / "nlu" / "en" / "a.yml").rename(tmp_path / "data" / "nlu" / "en" / "b.yml")
    assert launch.training_fingerprint() not in seen
    seen.add(launch.training_fingerprint())

    (tmp_path / "endpoints.yml").write_text("changed")
    assert launch.training_fingerprint() in seen


def test_training_leaves_the_model_where_running_finds_it() -> None:
    command = launch.train_command(Path("/python"), Path("/models"))
    assert command[0] == "/python"
    assert command[command.index("--out") + 1] == "/models"
    assert launch.model_path(Path("/models")).name == command[command.index("--fixed-model-name") + 1] + ".tar.gz"
    for option in ("--config", "--domain", "--data"):
        assert Path(command[command.index(option) + 1]).exists(), option


def test_the_dialogue_listens_where_it_is_told_and_opens_no_other_api() -> None:
    command = launch.run_command(Path("/python"), Path("/models/bedside.tar.gz"), "127.0.0.1", 5005)
    assert command[command.index("--interface") + 1] == "127.0.0.1"
    assert command[command.index("--port") + 1] == "5005"
    assert "--enable-api" not in command
    for option in ("--endpoints", "--credentials"):
        assert Path(command[command.index(option) + 1]).is_file(), option


def test_every_variable_that_the_project_reads_is_given_and_telemetry_is_off() -> None:
    given = launch.environment("redis://store", "secret", "http://actions/webhook", 60)
    text = "".join((launch.PROJECT / name).read_text() for name in ("endpoints.yml", "credentials.yml"))
    read = {part.split("}")[0] for part in text.split("${")[1:]}
    assert read <= set(given)
    assert given["RASA_TELEMETRY_ENABLED"] == "false"
    assert given["SANIC_WORKERS"] == "1"
