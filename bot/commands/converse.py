"""`bedside converse`: whole conversations from a file through the running stack."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from bot.commands.jsonl import STANDARD, BadLineError, InputFile, OutputFile, work_on_lines
from bot.commands.web_client import NoReplyError, RefusedError, StackAt, open_conversation, running_stack
from bot.settings import StackSettings, load_settings


def converse(
    source: InputFile = STANDARD,
    target: OutputFile = STANDARD,
    timeout_s: Annotated[float, typer.Option("--timeout", help="Seconds to wait for each reply.")] = 90.0,
    at_once: Annotated[int, typer.Option(min=1, max=50, help="How many conversations to hold at once.")] = 4,
) -> None:
    """Write the replies of each conversation: `{"id", "turns"}` in, `{"id", "replies"}` out, a reply for each turn.

    Each conversation begins by agreeing to what the bot asks at first contact. A line may name `language`, `country`.
    A turn without a reply (a person holds the conversation) has an object with `error` in its place.
    """
    stack = running_stack(load_settings(StackSettings))

    def replies(line: dict[str, Any]) -> dict[str, Any]:
        turns = line.get("turns")
        if not isinstance(turns, list) or not all(isinstance(turn, str) for turn in turns):
            raise BadLineError('"turns" is not a list of texts')
        return {"replies": asyncio.run(_talk(stack, turns, line.get("language"), line.get("country"), timeout_s))}

    work_on_lines(source, target, replies, at_once=at_once)


async def _talk(
    stack: StackAt, turns: list[str], language: str | None, country: str | None, timeout_s: float
) -> list[dict[str, Any]]:
    async with open_conversation(stack, language=language, country=country) as conversation:
        await conversation.consent(timeout_s)
        replies = []
        for turn in turns:
            try:
                replies.append(await conversation.exchange(turn, timeout_s))
            except (NoReplyError, RefusedError) as error:
                replies.append({"error": str(error)})
        return replies
