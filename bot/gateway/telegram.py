"""The Telegram channel: long polling in, messages and buttons out.

An update is confirmed to Telegram only after its message is stored, so a crash loses nothing; that is why updates are
fetched here and not by the library's own updater, which confirms first. Telegram's ids never leave this module.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import logging
import re
import secrets
import time
from typing import Any

from telegram import Bot, Chat, InlineKeyboardButton, InlineKeyboardMarkup, Message, Update, User
from telegram.constants import ChatAction, ChatType, MessageLimit
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError
from telegram.ext import AIORateLimiter, ExtBot

from actions.vault import Vault
from bot.errors import StartError
from bot.gateway.arrival import accept
from bot.gateway.channel import ChannelAwayError, NotDeliverableError
from bot.gateway.conversation import Conversation
from bot.gateway.inbox import InboxFullError
from bot.gateway.message import Author, MessageKind, PatientMessage, ReplyKind
from bot.gateway.outbox import Event
from bot.gateway.services import Services
from bot.gateway.sheet_page import SHEET_EVENT, sheet_text

log = logging.getLogger(__name__)

POLL_S = 20
FLOOD_RETRIES = 5
AWAY_S = 2.0
UPDATES = ["message", "edited_message", "callback_query"]
MOST_CHARS = MessageLimit.MAX_TEXT_LENGTH
BUTTONS_IN_A_ROW = 2

_SENTENCE_END = re.compile(r"(?<=[.!?…。])\s+")


class TelegramChannel:
    """Implements `PushChannel` over the Bot API."""

    prefix = "t_"

    def __init__(self, services: Services, bot: ExtBot[Any], vault: Vault, pseudonym_key: bytes) -> None:
        self._services = services
        self._bot = bot
        self._vault = vault
        self._pseudonym_key = pseudonym_key

    async def run(self) -> None:
        """Fetch and store updates until cancelled.

        Raises:
            StartError: Telegram refuses the token.
        """
        offset: int | None = None
        while True:
            try:
                updates = await self._bot.get_updates(offset=offset, timeout=POLL_S, allowed_updates=UPDATES)
                for update in updates:
                    await self.take(update)
                    offset = update.update_id + 1
            except InvalidToken:
                raise StartError("Telegram refuses BEDSIDE_TELEGRAM_TOKEN: set the token that BotFather gave") from None
            except Conflict:
                log.warning("another process polls with this Telegram token; stop it")
                await asyncio.sleep(AWAY_S)
            except (NetworkError, RetryAfter):
                await asyncio.sleep(AWAY_S)
            except TelegramError as error:
                log.warning("fetching from Telegram failed: %s", type(error).__name__)
                await asyncio.sleep(AWAY_S)

    async def take(self, update: Update) -> None:
        """Store what the patient sent; a tapped button counts as its payload."""
        if (query := update.callback_query) is not None:
            with contextlib.suppress(TelegramError):  # only stops the spinner on the button
                await query.answer()
            if isinstance(query.message, Message) and query.data:
                await self._accept(query.message.chat, query.from_user, f"q{query.id}", query.data, MessageKind.TEXT)
            return
        message = update.message or update.edited_message
        if message is None:
            return
        edited = update.edited_message is not None
        version = f"e{int(message.edit_date.timestamp())}" if edited and message.edit_date else ""
        await self._accept(
            message.chat,
            message.from_user,
            f"u{message.message_id}{version}",
            (message.text or message.caption or "").replace("\x00", ""),
            _kind(message),
            edited=edited,
        )

    async def deliver(self, conversation: Conversation, event: Event) -> None:
        """Bring one event to the chat; sentences in progress and queue events are the widget's only."""
        chat_id = int(self._vault.open(conversation.address))
        try:
            if event.name == "typing":
                with contextlib.suppress(BadRequest):
                    await self._bot.send_chat_action(chat_id, ChatAction.TYPING)
            elif event.name == "message":
                await self._send(chat_id, event.data)
            elif event.name == SHEET_EVENT:
                for piece in split_text(await sheet_text(self._services, conversation), MOST_CHARS):
                    await self._bot.send_message(chat_id, piece)
        except (Forbidden, BadRequest) as error:
            raise NotDeliverableError from error
        except TelegramError as error:
            raise ChannelAwayError from error

    async def _accept(
        self, chat: Chat, sender: User | None, client_id: str, text: str, kind: MessageKind, *, edited: bool = False
    ) -> None:
        if chat.type != ChatType.PRIVATE:
            with contextlib.suppress(TelegramError):  # health talk does not belong into groups
                await self._bot.leave_chat(chat.id)
            return
        language = (sender.language_code if sender else None) or ""
        spoken = language.split("-")[0].lower()
        services = self._services
        conversation = await services.conversations.open_push(
            self._pseudonym(chat.id),
            channel="telegram",
            language=spoken if spoken in services.wording.languages else services.settings.default_language,
            country=services.settings.default_country,
            address=self._vault.seal(str(chat.id)),
        )
        with contextlib.suppress(InboxFullError):  # fifty messages wait already; they are answered first
            accepted = await accept(
                services,
                PatientMessage(
                    id=f"m_{secrets.token_urlsafe(12)}",
                    conversation_id=conversation.id,
                    text=text.strip(),
                    kind=kind,
                    language_hint=language or None,
                    edited=edited,
                    received_at=time.time(),
                ),
                client_message_id=client_id,
            )
            if accepted.is_new:
                services.metrics.accepted.labels("telegram").inc()

    async def _send(self, chat_id: int, data: dict[str, Any]) -> None:
        pieces = split_text(self._words(data), MOST_CHARS)
        for piece in pieces[:-1]:
            await self._bot.send_message(chat_id, piece)
        await self._bot.send_message(chat_id, pieces[-1], reply_markup=_keyboard(data))

    def _words(self, data: dict[str, Any]) -> str:
        """Return the reply as plain text, with who wrote it and the sources below."""
        labels = self._services.wording.languages[data["language"]].widget
        text = _with_help(data, labels["get_help"])
        if data["author"] == Author.HUMAN:
            return f"👤 {data.get('person_name') or labels['human']}:\n{text}"
        citations = data.get("citations", [])
        if not citations:
            return text
        seen = dict.fromkeys((c["title"], c["publisher"], c["url"], c["reviewed_on"]) for c in citations)
        lines = [f"• {title}" + f" – {said}" * bool(said) + f": {url}" * bool(url) for title, said, url, _ in seen]
        if data["kind"] == ReplyKind.NOTICE and (passages := data.get("passages")):
            # Asked for its sources, an answer shows the passage behind each sentence.
            lines = [_quoted(citation, passages) for citation in citations]
        days = [reviewed_on for *_, reviewed_on in seen]
        note = labels["reviewed_on"].replace("{date}", min(days)) if all(days) else labels["not_reviewed"]
        return "\n".join([text, "", f"{labels['sources']}:", *lines, note])

    def _pseudonym(self, chat_id: int) -> str:
        digest = hmac.new(self._pseudonym_key, str(chat_id).encode(), hashlib.sha256).hexdigest()
        return f"{self.prefix}{digest[:32]}"


def telegram_bot(token: str, base_url: str | None) -> ExtBot[Any]:
    """Return the library's bot, which keeps Telegram's rate and waits when told to."""
    limiter = AIORateLimiter(max_retries=FLOOD_RETRIES)
    if base_url is None:
        return ExtBot(token, rate_limiter=limiter)
    return ExtBot(token, base_url=base_url, base_file_url=base_url.replace("/bot", "/file/bot"), rate_limiter=limiter)


@contextlib.asynccontextmanager
async def started(bot: Bot) -> Any:
    """Keep the bot's connections open; Telegram being away does not keep the gateway from starting."""
    while True:
        try:
            await bot.initialize()
            break
        except InvalidToken:
            raise StartError("Telegram refuses BEDSIDE_TELEGRAM_TOKEN: set the token that BotFather gave") from None
        except TelegramError as error:
            log.warning("Telegram cannot be reached: %s", type(error).__name__)
            await asyncio.sleep(AWAY_S)
    try:
        yield
    finally:
        await bot.shutdown()


def _with_help(data: dict[str, Any], label: str) -> str:
    """Return the words of a reply; what says when to get help stands below a heading of its own."""
    text, sentences = str(data["text"]), data.get("sentences", [])
    first = next(iter(data.get("help") or []), None)
    if first is None or first >= len(sentences):
        return text
    return text.replace(f"\n\n{sentences[first]['text']}", f"\n\n🆘 {label}:\n{sentences[first]['text']}")


def _quoted(citation: dict[str, Any], passages: dict[str, dict[str, str]]) -> str:
    passage = passages.get(citation["id"], {})
    said = " – ".join(filter(None, (citation["title"], citation["publisher"], passage.get("written_on"))))
    source = said + f": {citation['url']}" * bool(citation["url"])
    return f"• “{passage['text']}”\n  {source}" if passage else f"• {source}"


def split_text(text: str, most: int) -> list[str]:
    """Return the text in pieces of at most `most` characters, parted between lines, else sentences, else words."""
    pieces: list[str] = []
    rest = text
    while len(rest) > most:
        window = rest[:most]
        ends = [window.rfind("\n"), *(match.start() for match in _SENTENCE_END.finditer(window))][::-1]
        at = next((end for end in ends if end > most // 2), window.rfind(" "))
        at = at if at > 0 else most
        pieces.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    return [*pieces, rest]


def _keyboard(data: dict[str, Any]) -> InlineKeyboardMarkup | None:
    buttons = [InlineKeyboardButton(q["title"], callback_data=q["payload"]) for q in data.get("quick_replies", [])]
    if not buttons:
        return None
    rows = [buttons[at : at + BUTTONS_IN_A_ROW] for at in range(0, len(buttons), BUTTONS_IN_A_ROW)]
    return InlineKeyboardMarkup(rows)


def _kind(message: Message) -> MessageKind:
    if message.text is not None:
        return MessageKind.TEXT
    if message.photo:
        return MessageKind.PHOTO
    if message.voice or message.audio or message.video_note:
        return MessageKind.VOICE
    if message.sticker:
        return MessageKind.STICKER
    if message.document or message.video or message.animation:
        return MessageKind.FILE
    return MessageKind.OTHER
