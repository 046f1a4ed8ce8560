"""The real gateway on a real Valkey; only dialogue and answering are fakes, at the network's edge."""

from __future__ import annotations

import functools
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from redis.asyncio import Redis

from actions.vault import Vault
from bot.gateway import app as app_module
from bot.gateway.app import create_app
from bot.settings import GatewaySettings
from careguard.rulebook import load_rulebook
from tests.chat import Chat, chatting
from tests.fakes.answering import FakeAnswering
from tests.fakes.bot_api import TOKEN, FakeBotApi
from tests.fakes.dialogue import FakeDialogue
from tests.serving import serving
from tests.store import running_store


@pytest.fixture(scope="session", autouse=True)
def _rules_read_once() -> Iterator[None]:
    """Reading and compiling every rule takes seconds; the rulebook is frozen, so all tests may share one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app_module, "load_rulebook", functools.cache(load_rulebook))
        yield


@dataclass
class Gateway:
    """A running gateway and what stands around it."""

    address: str
    redis: Redis
    dialogue: FakeDialogue
    answering: FakeAnswering
    settings: GatewaySettings
    stack: AsyncExitStack

    async def chat(self, *, language: str | None = None, country: str | None = None) -> Chat:
        """Begin a conversation."""
        return await self.stack.enter_async_context(chatting(self.address, language=language, country=country))


@pytest.fixture
async def store_url() -> AsyncIterator[str]:
    """An empty Valkey of this test's own."""
    async with running_store() as url:
        yield url


@pytest.fixture
async def gateway(store_url: str) -> AsyncIterator[Gateway]:
    """The gateway with its usual settings."""
    async with AsyncExitStack() as stack:
        yield await start_gateway(stack, store_url)


@pytest.fixture
async def telegram(store_url: str) -> AsyncIterator[tuple[Gateway, FakeBotApi]]:
    """A gateway that polls a fake Bot API."""
    api = FakeBotApi()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(api.app()))
        gateway = await start_gateway(stack, store_url, telegram_token=TOKEN, telegram_base_url=f"{url}/bot")
        yield gateway, api


async def start_gateway(
    stack: AsyncExitStack, store_url: str, *, clock: Callable[[], float] = time.time, **changed: object
) -> Gateway:
    """Start a gateway with some settings changed."""
    dialogue, answering = FakeDialogue(), FakeAnswering()
    dialogue_url = await stack.enter_async_context(serving(dialogue.app()))
    answering_url = await stack.enter_async_context(serving(answering.app()))
    given = {
        "redis_url": store_url,
        "dialogue_url": dialogue_url,
        "actions_url": answering_url,
        "internal_token": "t" * 40,
        "data_key": Vault.new_key(),
        "dialogue_timeout_s": 1.0,
        "messages_per_minute": 100,
        "conversations_per_hour": 1000,
        "requests_per_minute": 10_000,
    }
    settings = GatewaySettings.model_validate(given | changed)
    address = await stack.enter_async_context(serving(create_app(settings, clock=clock)))
    redis = await stack.enter_async_context(Redis.from_url(store_url, decode_responses=True))
    return Gateway(address, redis, dialogue, answering, settings, stack)
