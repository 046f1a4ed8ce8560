"""Brings the visit sheet to the patient: a page on the web behind a ticket, a text in a messenger.

The sheet is made anew each time from what was said; neither outbox, transcript nor store ever holds it.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from urllib.parse import parse_qs

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bot.errors import ConversationError
from bot.gateway.conversation import Conversation
from bot.gateway.services import Services
from bot.gateway.speech import say
from bot.gateway.visit_sheet import (
    SheetWords,
    VisitSheet,
    load_sheet_words,
    make_sheet,
    questions_to_ask,
    topics_talked_about,
)

OPEN_BUTTON = "visit_sheet:open"
SHEET_EVENT = "sheet"
"""The event by which a messenger is told to make and send the sheet; it holds no word of it."""

_NO_STORE = {"Cache-Control": "no-store"}
_LONGEST_BODY = 1000
_BLANK = "______________________________"
_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


async def offer_sheet(services: Services, conversation: Conversation, reply_to: str) -> None:
    """Tell the patient that the sheet is ready: with a button that opens it once, or right below."""
    if conversation.channel == "web":
        ticket = await services.conversations.issue_ticket(conversation.id)
        opens = {OPEN_BUTTON: f"visit-sheet.html#{ticket}"}
        await say(services, conversation, "visit_sheet_ready", reply_to=reply_to, extra={"opens": opens})
        return
    await say(services, conversation, "visit_sheet_below", reply_to=reply_to)
    await services.outbox.send_event(conversation.id, f"{reply_to}.{SHEET_EVENT}", SHEET_EVENT, {"reply_to": reply_to})


async def sheet_of(services: Services, conversation: Conversation) -> tuple[VisitSheet, SheetWords]:
    """Return the sheet of the conversation as it stands now, in its language."""
    entries = await services.transcript.read(conversation.id)
    locales, language = services.settings.locales, conversation.language
    words = await asyncio.to_thread(load_sheet_words, locales, language)
    questions = await asyncio.to_thread(questions_to_ask, locales, language, tuple(topics_talked_about(entries)))
    today = dt.datetime.fromtimestamp(services.clock(), dt.UTC).date()
    return make_sheet(entries, words, questions, today), words


async def sheet_text(services: Services, conversation: Conversation) -> str:
    """Return the sheet as plain text for a messenger; empty parts are lines to fill in."""
    sheet, words = await sheet_of(services, conversation)
    blocks = [f"{words.words['title']}\n{words.words['made_on'].format(day=sheet.made_on.isoformat())}"]
    for title, lines in sheet.parts(words):
        blocks.append("\n".join([f"{title}:", *([f"• {line}" for line in lines] or [_BLANK])]))
    asked = [f"☐ {question}" for topic in sheet.questions for question in topic.questions]
    blocks.append("\n".join([f"{words.words['questions']}:", *(asked or [_BLANK])]))
    blocks.append(f"{words.words['notes']}:\n{_BLANK}")
    return "\n\n".join([*blocks, _emergency(services, conversation, words)])


async def open_page(services: Services, request: Request) -> Response:
    """Answer a ticket with the page, once; afterwards and for any other ticket with how to get a new one."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_BODY:
            break
    ticket = parse_qs(body[:_LONGEST_BODY].decode("ascii", "replace")).get("ticket", [""])[0]
    try:
        conversation = await services.conversations.redeem_ticket(ticket)
    except ConversationError:
        return await _used_page(services, request)
    sheet, words = await sheet_of(services, conversation)
    page = _PAGES.get_template("visit_sheet.html").render(
        language=sheet.language,
        direction=services.wording.languages[sheet.language].direction,
        words=words.words,
        sheet=sheet,
        parts=sheet.parts(words),
        made_on=words.words["made_on"].format(day=sheet.made_on.isoformat()),
        emergency=_emergency(services, conversation, words),
    )
    return HTMLResponse(page, headers=_NO_STORE)


async def _used_page(services: Services, request: Request) -> Response:
    preferred = request.headers.get("accept-language", "")[:2].lower()
    language = preferred if preferred in services.wording.languages else services.settings.default_language
    words = await asyncio.to_thread(load_sheet_words, services.settings.locales, language)
    page = _PAGES.get_template("visit_sheet.html").render(
        language=language,
        direction=services.wording.languages[language].direction,
        words=words.words,
        sheet=None,
    )
    return HTMLResponse(page, status_code=410, headers=_NO_STORE)


def _emergency(services: Services, conversation: Conversation, words: SheetWords) -> str:
    number = services.wording.emergency_number(conversation.country)
    return words.words["emergency"].format(emergency_number=number)
