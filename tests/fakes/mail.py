"""FakeMailServer: an SMTP server on loopback that takes mails, or is busy for as many as a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class FakeMailServer:
    """What a clinic's mail server would hold."""

    mails: list[str] = field(default_factory=list)
    receivers: list[list[str]] = field(default_factory=list)
    busy: int = 0
    """How many of the next mails are refused for now."""
    port: int = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[FakeMailServer]:
        """Serve on this machine, on the port that was given, else on a free one."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())
            await writer.drain()

        await say("220 mail.test ready")
        receivers: list[str] = []
        while line := (await reader.readline()).decode().strip():
            match line.split(" ", 1)[0].upper():
                case "MAIL" if self.busy:
                    self.busy -= 1
                    await say("451 busy, come again")
                case "RCPT":
                    receivers.append(line.partition("<")[2].partition(">")[0])
                    await say("250 ok")
                case "DATA":
                    await say("354 go on")
                    self.mails.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                    self.receivers.append(receivers)
                    receivers = []
                    await say("250 taken")
                case "QUIT":
                    await say("221 bye")
                    break
                case _:
                    await say("250 ok")
        writer.close()
