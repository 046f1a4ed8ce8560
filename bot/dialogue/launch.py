"""The exact commands that train and run the dialogue process, for whoever starts processes.

Beside the line: imported by the application (no Rasa here), executed in the dialogue environment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent
MODEL_NAME = "bedside"

_FOLDERS = ("domain", "data")
_FILES = ("config.yml", "requirements.txt", "without_tensorflow.py")


def train_command(python: Path, out: Path) -> list[str]:
    """Return the command that leaves the trained model at `model_path(out)`; run it with `environment`."""
    return [
        str(python),
        str(PROJECT / "start.py"),
        "train",
        "--config",
        str(PROJECT / "config.yml"),
        "--domain",
        str(PROJECT / "domain"),
        "--data",
        str(PROJECT / "data"),
        "--out",
        str(out),
        "--fixed-model-name",
        MODEL_NAME,
        "--skip-validation",  # tests/architecture checks the project, and says it in words
    ]


def model_path(out: Path) -> Path:
    """Return where `train_command` with the same folder leaves the model."""
    return out / f"{MODEL_NAME}.tar.gz"


def run_command(python: Path, model: Path, host: str, port: int) -> list[str]:
    """Return the command that serves the model on loopback; ready when `health_path()` answers 200."""
    return [
        str(python),
        str(PROJECT / "start.py"),
        "run",
        "--model",
        str(model),
        "--endpoints",
        str(PROJECT / "endpoints.yml"),
        "--credentials",
        str(PROJECT / "credentials.yml"),
        "--interface",
        host,
        "--port",
        str(port),
    ]


def health_path() -> str:
    """Return the path that answers 200 once a model is loaded, 503 before; it needs no token."""
    return "/webhooks/bedside/health"


def environment(
    redis_url: str,
    token: str,
    actions_url: str,
    session_ttl_s: int,
    *,
    roll_over_turns: int = 40,
    turn_timeout_s: float = 10.0,
) -> dict[str, str]:
    """Return what must be added to the environment of `train_command` and `run_command`.

    Args:
        redis_url: Where the conversations are kept, `redis://…`.
        token: What the gateway must present as `Authorization: Bearer …`; also sent to the actions process.
        actions_url: The actions process's webhook, `http://…/webhook`.
        session_ttl_s: Seconds after its last message that a conversation is forgotten.
        roll_over_turns: Patient messages after which a conversation is folded into its slots.
        turn_timeout_s: Seconds after which a turn is given up and answered with an error.
    """
    return {
        "BEDSIDE_REDIS_URL": redis_url,
        "BEDSIDE_INTERNAL_TOKEN": token,
        "BEDSIDE_ACTIONS_URL": actions_url,
        "BEDSIDE_SESSION_TTL_S": str(session_ttl_s),
        "BEDSIDE_ROLL_OVER_TURNS": str(roll_over_turns),
        "BEDSIDE_TURN_TIMEOUT_S": str(turn_timeout_s),
        "RASA_TELEMETRY_ENABLED": "false",
        "RASA_MAX_CACHE_SIZE": "0",  # otherwise training leaves a .rasa folder wherever it was started
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
        "CUDA_VISIBLE_DEVICES": "-1",
        "LOG_LEVEL": "WARNING",  # at DEBUG Rasa logs patients' words
        "LOG_LEVEL_LIBRARIES": "ERROR",
        "SANIC_WORKERS": "1",  # the lock and the tracker cache live in one process; scale by shards
        "OMP_NUM_THREADS": "1",
    }


def training_fingerprint() -> str:
    """Return a hash that changes exactly when something that the trained model depends on has changed."""
    digest = hashlib.sha256()
    for path in _training_files():
        digest.update(path.relative_to(PROJECT).as_posix().encode())
        digest.update(b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _training_files() -> Iterator[Path]:
    for name in _FILES:
        yield PROJECT / name
    for folder in _FOLDERS:
        yield from sorted((PROJECT / folder).rglob("*.yml"))
