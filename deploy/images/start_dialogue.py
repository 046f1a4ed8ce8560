"""Trains the dialogue at build time, and starts it in its container: `start_dialogue.py train FOLDER | run FOLDER`.

In place of `bedside up`, which does both on one machine. Rasa reads its secrets from variables, so they are taken from
files here, the moment before it starts; the settings have the names and defaults that they have everywhere else.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from bot.dialogue import launch  # noqa: E402 - its folder is named just above

DEFAULTS = {
    "BEDSIDE_DIALOGUE_HOST": "0.0.0.0",  # noqa: S104 - the container's network is private, and the door wants a token
    "BEDSIDE_DIALOGUE_PORT": "5005",
    "BEDSIDE_ACTIONS_URL": "http://actions:5055",
    "BEDSIDE_CONVERSATION_TTL_S": str(30 * 86_400),
    "BEDSIDE_DIALOGUE_TIMEOUT_S": "5.0",
    "BEDSIDE_ROLL_OVER_TURNS": "40",
}


class NotSetError(Exception):
    """A secret is missing; the message says which and how to give it."""


def setting(environment: Mapping[str, str], name: str) -> str:
    """Return a setting, or its default when it is empty or not there."""
    return environment.get(name) or DEFAULTS[name]


def secret(environment: Mapping[str, str], name: str) -> str:
    """Return a secret from its file in BEDSIDE_SECRETS_DIR, else from its variable.

    Raises:
        NotSetError: there is neither, or it is empty.
    """
    folder = environment.get("BEDSIDE_SECRETS_DIR")
    value = environment.get(name, "")
    if not value and folder:
        try:
            value = (Path(folder) / name.lower()).read_text(encoding="utf-8").strip()
        except OSError:
            value = ""
    if not value:
        raise NotSetError(f"{name} is missing: put it in the file {name.lower()} of the folder BEDSIDE_SECRETS_DIR.")
    return value


def running_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what must be added to the environment of the dialogue that serves patients.

    Raises:
        NotSetError: a secret is missing.
    """
    return launch.environment(
        secret(environment, "BEDSIDE_REDIS_URL"),
        secret(environment, "BEDSIDE_INTERNAL_TOKEN"),
        f"{setting(environment, 'BEDSIDE_ACTIONS_URL').rstrip('/')}/webhook",
        int(setting(environment, "BEDSIDE_CONVERSATION_TTL_S")),
        roll_over_turns=int(setting(environment, "BEDSIDE_ROLL_OVER_TURNS")),
        turn_timeout_s=float(setting(environment, "BEDSIDE_DIALOGUE_TIMEOUT_S")),
    )


def train(python: Path, models: Path) -> int:
    """Leave the trained model in the folder; return the exit code."""
    models.mkdir(parents=True, exist_ok=True)
    # Training reads the same files as running, so it needs the same names; nothing listens at these.
    variables = launch.environment("redis://127.0.0.1:1/0", "training", "http://127.0.0.1:1/webhook", 60)
    done = subprocess.run(launch.train_command(python, models), env={**os.environ, **variables}, check=False)  # noqa: S603
    if done.returncode == 0 and not launch.model_path(models).is_file():
        sys.stderr.write("Training left no model.\n")
        return 1
    return done.returncode


def run(python: Path, models: Path) -> int:
    """Become the dialogue; return the exit code only when there is no model.

    Raises:
        NotSetError: a secret is missing.
    """
    model = launch.model_path(models)
    if model.is_file():
        host, port = setting(os.environ, "BEDSIDE_DIALOGUE_HOST"), int(setting(os.environ, "BEDSIDE_DIALOGUE_PORT"))
        command = launch.run_command(python, model, host, port)
        os.execve(command[0], command, {**os.environ, **running_environment(os.environ)})  # noqa: S606
    sys.stderr.write(f"{model} is missing: build the image again.\n")
    return 2


def main(arguments: list[str]) -> int:
    """Do what the first argument says; return the exit code."""
    verb, models = arguments
    work = {"train": train, "run": run}[verb]
    try:
        return work(Path(sys.executable), Path(models))
    except NotSetError as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
