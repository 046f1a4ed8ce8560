"""The programs of a deployment: making secrets, starting the dialogue and the store, asking whether one is well."""

from __future__ import annotations

import importlib.util
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest
from redis import Redis
from redis import exceptions as redis_errors
from redis.backoff import ConstantBackoff
from redis.exceptions import AuthenticationError, BusyLoadingError
from redis.retry import Retry

from actions.settings import load_settings as load_actions_settings
from bot.plans import store_binary
from bot.settings import GatewaySettings, load_settings
from tests.store import free_port

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DEPLOY / "images" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    path = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = path
    return module


def make_secrets(folder: Path) -> str:
    return subprocess.run(
        ["sh", str(DEPLOY / "make_secrets.sh"), str(folder)], check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    make_secrets(folder)
    return folder


# --- secrets --------------------------------------------------------------------------------------


def test_the_processes_accept_the_secrets_that_were_made(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("BEDSIDE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BEDSIDE_SECRETS_DIR", str(secrets))
    gateway = load_settings(GatewaySettings)
    assert gateway.redis_url == f"redis://:{(secrets / 'bedside_store_password').read_text()}@store:6379/0"
    assert gateway.telegram_token is None
    assert load_actions_settings().internal_token == gateway.internal_token


def test_a_second_run_keeps_every_secret(secrets: Path) -> None:
    """A new data key would make everything unreadable that patients wrote."""
    before = {path.name: path.read_text() for path in secrets.iterdir()}
    said = make_secrets(secrets)
    assert {path.name: path.read_text() for path in secrets.iterdir()} == before
    assert "made" not in said.replace("make", "")
    assert not any(value in said for value in before.values())


def test_other_accounts_of_the_machine_cannot_reach_the_secrets(secrets: Path) -> None:
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700


def test_each_installation_has_secrets_of_its_own(secrets: Path, tmp_path: Path) -> None:
    make_secrets(tmp_path / "other")
    for path in secrets.iterdir():
        assert path.read_text() != (tmp_path / "other" / path.name).read_text(), path.name


# --- the dialogue ---------------------------------------------------------------------------------


def test_the_dialogue_reads_its_secrets_from_files_and_speaks_to_the_actions(secrets: Path) -> None:
    given = load("start_dialogue").running_environment(
        {"BEDSIDE_SECRETS_DIR": str(secrets), "BEDSIDE_ACTIONS_URL": "http://elsewhere:5055/"}
    )
    assert given["BEDSIDE_INTERNAL_TOKEN"] == (secrets / "bedside_internal_token").read_text()
    assert given["BEDSIDE_REDIS_URL"] == (secrets / "bedside_redis_url").read_text()
    assert given["BEDSIDE_ACTIONS_URL"] == "http://elsewhere:5055/webhook"


def test_the_dialogues_defaults_are_the_gateways() -> None:
    defaults, fields = load("start_dialogue").DEFAULTS, GatewaySettings.model_fields
    assert int(defaults["BEDSIDE_CONVERSATION_TTL_S"]) == fields["conversation_ttl_s"].default
    assert float(defaults["BEDSIDE_DIALOGUE_TIMEOUT_S"]) == fields["dialogue_timeout_s"].default


def test_an_empty_setting_means_the_default() -> None:
    module = load("start_dialogue")
    assert module.setting({"BEDSIDE_ROLL_OVER_TURNS": ""}, "BEDSIDE_ROLL_OVER_TURNS") == "40"


def test_without_a_secret_the_dialogue_says_which_one_and_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bedside.tar.gz").touch()
    monkeypatch.setenv("BEDSIDE_SECRETS_DIR", str(tmp_path))
    monkeypatch.delenv("BEDSIDE_REDIS_URL", raising=False)
    assert load("start_dialogue").main(["run", str(tmp_path)]) == 2
    assert "BEDSIDE_REDIS_URL is missing" in capsys.readouterr().err


def test_without_a_model_the_dialogue_says_so_and_does_not_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load("start_dialogue").main(["run", str(tmp_path)]) == 2
    assert "build the image again" in capsys.readouterr().err


# --- the store ------------------------------------------------------------------------------------


@contextmanager
def running_store(secrets: Path, folder: Path) -> Iterator[tuple[int, Redis]]:
    """Run the deployment's store on an own port and folder; yields the id of its process and a client."""
    port, data, own = free_port(), folder / "data", folder / "valkey.conf"
    data.mkdir(exist_ok=True)
    config = (DEPLOY / "store" / "valkey.conf").read_text()
    assert "dir /data\n" in config and "port 6379\n" in config
    own.write_text(config.replace("dir /data\n", f"dir {data}\n").replace("port 6379\n", f"port {port}\n"))
    variables = {
        "PATH": f"{store_binary().parent}:{os.environ['PATH']}",
        "STORE_PASSWORD_FILE": str(secrets / "bedside_store_password"),
        "STORE_CONFIG": str(own),
        "STORE_FSYNC": "always",
    }
    process = subprocess.Popen(
        ["sh", str(DEPLOY / "store" / "start.sh")], env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    patient = Retry(ConstantBackoff(0.1), 100, supported_errors=(redis_errors.ConnectionError, BusyLoadingError))
    password = (secrets / "bedside_store_password").read_text()
    try:
        with Redis(port=port, password=password, retry=patient, decode_responses=True) as store:
            store.ping()
            yield process.pid, store
    finally:
        process.terminate()
        assert process.wait(timeout=20) == 0


def restore(backup: Path, data: Path) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(DEPLOY / "store" / "restore.sh"), str(backup), str(data)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_store_starts_with_its_password_from_a_file_and_shows_it_nowhere(secrets: Path, tmp_path: Path) -> None:
    password = (secrets / "bedside_store_password").read_bytes()
    with running_store(secrets, tmp_path) as (process, store):
        assert store.config_get("appendonly") == {"appendonly": "yes"}
        assert store.config_get("appendfsync") == {"appendfsync": "always"}
        assert store.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        with Redis(port=store.get_connection_kwargs()["port"]) as stranger, pytest.raises(AuthenticationError):
            stranger.ping()
        for shown in (Path(f"/proc/{process}/cmdline"), Path(f"/proc/{process}/environ")):
            assert not shown.exists() or password not in shown.read_bytes()


def test_a_backup_is_restored_and_what_was_there_is_kept_beside_it(secrets: Path, tmp_path: Path) -> None:
    data, backup = tmp_path / "data", tmp_path / "backup.rdb"
    with running_store(secrets, tmp_path) as (_, store):
        store.set("said", "before the backup")
        store.save()
        (data / "dump.rdb").rename(backup)
        store.set("said", "after the backup")
    assert restore(backup, data).returncode == 0
    assert list(data.glob("before-restore-*"))
    with running_store(secrets, tmp_path) as (_, store):
        assert store.get("said") == "before the backup"
        store.set("said", "after the restore")
    with running_store(secrets, tmp_path) as (_, store):
        assert store.get("said") == "after the restore"


def test_what_is_no_backup_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear store")
    (tmp_path / "data" / "appendonlydir").mkdir(parents=True)
    done = restore(tmp_path / "letter.txt", tmp_path / "data")
    assert done.returncode == 2
    assert "no backup" in done.stderr
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["appendonlydir"]


def test_the_store_does_not_start_with_an_empty_password(tmp_path: Path) -> None:
    empty = tmp_path / "password"
    empty.touch()
    done = subprocess.run(
        ["sh", str(DEPLOY / "store" / "start.sh")],
        env={"PATH": os.environ["PATH"], "STORE_PASSWORD_FILE": str(empty)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "password is empty" in done.stderr


# --- is it well -----------------------------------------------------------------------------------


@pytest.fixture
def answering() -> Iterator[tuple[int, list[int]]]:
    statuses = [200]

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(statuses[0])
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1], statuses
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_container_is_well_only_when_it_answers_200(answering: tuple[int, list[int]]) -> None:
    healthcheck = load("healthcheck")
    port, statuses = answering
    assert healthcheck.main([str(port), "/readyz"]) == 0
    statuses[0] = 503
    assert healthcheck.main([str(port), "/readyz"]) == 1
    assert healthcheck.main([str(free_port()), "/readyz"]) == 1
