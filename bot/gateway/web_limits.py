"""How often one address or one conversation may knock: moving windows in the store, by a library."""

from __future__ import annotations

from dataclasses import dataclass

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import Redis

from bot.settings import GatewaySettings


@dataclass(frozen=True, slots=True)
class WebLimits:
    """The limits of the web channel."""

    limiter: SlidingWindowCounterRateLimiter
    messages: RateLimitItem
    conversations: RateLimitItem
    requests: RateLimitItem

    async def may_write(self, conversation_id: str) -> bool:
        """Count one message of a conversation; False when it was one too many."""
        return await self.limiter.hit(self.messages, "message", conversation_id)

    async def may_begin(self, address: str) -> bool:
        """Count one new conversation from an address; False when it was one too many."""
        return await self.limiter.hit(self.conversations, "conversation", address)

    async def may_ask(self, address: str) -> bool:
        """Count one request from an address; False when it was one too many."""
        return await self.limiter.hit(self.requests, "request", address)


def web_limits(settings: GatewaySettings, redis: Redis) -> WebLimits:
    """Return the limits that the settings name, counted in the store over the gateway's own connections."""
    storage = RedisStorage(
        f"async+{settings.redis_url}",
        implementation="redispy",
        key_prefix="bedside:limit",
        connection_pool=redis.connection_pool,  # type: ignore[arg-type]  # passed on as it is; its types say less
    )
    return WebLimits(
        limiter=SlidingWindowCounterRateLimiter(storage),
        messages=RateLimitItemPerMinute(settings.messages_per_minute),
        conversations=RateLimitItemPerHour(settings.conversations_per_hour),
        requests=RateLimitItemPerMinute(settings.requests_per_minute),
    )
