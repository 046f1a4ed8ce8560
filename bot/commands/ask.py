"""`bedside ask`: one question to the running stack, one reply."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

import typer

from bot.commands.show import shown
from bot.commands.web_client import StackAt, open_conversation, running_stack
from bot.settings import StackSettings, load_settings


def ask(
    text: Annotated[str, typer.Argument(help="What to ask.")],
    language: Annotated[str | None, typer.Option(help="The language to begin in, such as es.")] = None,
    country: Annotated[str | None, typer.Option(help="The country, such as GB.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the reply as the web channel sends it.")] = False,
    timeout_s: Annotated[float, typer.Option("--timeout", help="Seconds to wait for the reply.")] = 90.0,
) -> None:
    """Ask, in a conversation of its own that has agreed to what the bot asks first."""
    reply = asyncio.run(_ask(running_stack(load_settings(StackSettings)), text, language, country, timeout_s))
    typer.echo(json.dumps(reply, ensure_ascii=False) if as_json else shown(reply))


async def _ask(
    stack: StackAt, text: str, language: str | None, country: str | None, timeout_s: float
) -> dict[str, Any]:
    async with open_conversation(stack, language=language, country=country) as conversation:
        await conversation.consent(timeout_s)
        return await conversation.exchange(text, timeout_s)
