"""`bedside chat`: talk to the running stack in the terminal."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Any

import typer

from bot.commands.show import shown
from bot.commands.web_client import RefusedError, StackAt, WebConversation, open_conversation, running_stack
from bot.settings import StackSettings, load_settings

PROMPT = "> "
BLANK = "\r\033[K"


def chat(
    language: Annotated[str | None, typer.Option(help="The language to begin in, such as es.")] = None,
    country: Annotated[str | None, typer.Option(help="The country, such as GB.")] = None,
) -> None:
    """Write and read until Ctrl-D. The number of a button taps it."""
    asyncio.run(_chat(running_stack(load_settings(StackSettings)), language, country))


async def _chat(stack: StackAt, language: str | None, country: str | None) -> None:
    async with open_conversation(stack, language=language, country=country) as conversation:
        typer.echo(f"Connected to {stack.address}. Ctrl-D ends.")
        terminal = _Terminal(conversation)
        reading = asyncio.create_task(terminal.show_events())
        try:
            await terminal.send_lines()
        finally:
            reading.cancel()


class _Terminal:
    """One conversation on the terminal, with the buttons that were shown last."""

    def __init__(self, conversation: WebConversation) -> None:
        self._conversation = conversation
        self._buttons: list[dict[str, Any]] = []

    async def show_events(self) -> None:
        while True:
            event = await self._conversation.next_event()
            if event.name == "message":
                self._buttons = event.data.get("quick_replies", [])
                who = "person" if event.data["author"] == "human" else event.data["kind"]
                sys.stdout.write(f"{BLANK}[{who}] {shown(event.data)}\n{PROMPT}")
            elif event.name == "typing" and event.data.get("state") == "on":
                sys.stdout.write(f"{BLANK}… {PROMPT}")
            sys.stdout.flush()

    async def send_lines(self) -> None:
        sys.stdout.write(PROMPT)
        sys.stdout.flush()
        while line := await asyncio.to_thread(sys.stdin.readline):
            text = self._tapped(line.strip())
            if text:
                try:
                    await self._conversation.send(text)
                except RefusedError as error:
                    typer.echo(str(error))

    def _tapped(self, text: str) -> str:
        if text.isdecimal() and 1 <= int(text) <= len(self._buttons):
            return str(self._buttons[int(text) - 1]["payload"])
        return text
