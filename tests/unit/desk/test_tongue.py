"""The desk's own words in English and Spanish."""

from __future__ import annotations

import re
import string

import pytest
from redis.asyncio import Redis

from actions.handoff.case import CaseReason
from bot.desk import tongue, words
from bot.desk.render import FOLDER
from careguard.verdict import Level
from tests.unit.desk.desk import Desk, make_desk

OURS = (
    *(FOLDER / "templates" / f"{name}.html" for name in ("case", "page", "parts", "queue")),
    *(FOLDER / f"{name}.py" for name in ("pages", "queue_page", "words")),
)
SAID = re.compile(r"\b(?:_|t)\(\s*\"((?:[^\"\\]|\\.)*)\"")


def sentences() -> set[str]:
    """Every sentence that the queue and the case show, and every word of the desk's lists."""
    said = {found for path in OURS for found in SAID.findall(path.read_text(encoding="utf-8"))}
    trouble = (FOLDER / "templates" / "trouble.html").read_text(encoding="utf-8")
    said |= {sentence for pair in re.findall(r': \("([^"]+)", "([^"]+)"\)', trouble) for sentence in pair}
    for listed in (words.LEVELS, words.REASONS, words.OUTCOMES, words.ROLES, words.DONE, words.SHOWS):
        said |= set(listed.values())
    for inner in (words._ACTS, words._AUTHORS, words._DELIVERIES, words._REFUSALS, words._LANGUAGES):
        said |= set(inner.values())
    return said | set(words.IN_SCRIPT) | {"Yours", "With a person"}


@pytest.mark.parametrize("language", sorted(tongue.translations()))
def test_every_sentence_of_the_queue_and_the_case_is_there_in_every_language(language: str) -> None:
    """Nobody meets an English sentence in the middle of the night."""
    assert len(sentences()) > 200
    assert sentences() - set(tongue.translations()[language]) == set()


@pytest.mark.parametrize("language", sorted(tongue.translations()))
def test_a_translation_has_the_places_of_its_sentence(language: str) -> None:
    """No name or number is lost on the way."""

    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}

    for english, translated in tongue.translations()[language].items():
        assert places(english) == places(translated), english
        assert translated.strip(), english


async def test_the_desk_speaks_what_the_person_reads_else_what_the_browser_asks_for(redis: Redis) -> None:
    """The account's own choice wins; a language that the desk lacks leaves it in English."""
    desk = make_desk(redis)
    await desk.add_staff("ana", "Ana")
    await desk.services.staff.change("ana", reads="es")
    await desk.add_staff("ben", "Ben")
    await desk.open_case(level=Level.EMERGENCY, reason=CaseReason.EMERGENCY, category="chest_pain")
    async with desk.browser("ana") as ana, desk.browser("ben") as ben:
        page = await ana.text("/")
        assert '<html lang="es">' in page
        assert "Dolor de pecho" in page
        assert "Emergencia" in page
        assert '<html lang="en">' in await ben.text("/")
        ben.client.headers["accept-language"] = "fr-CA, es-MX;q=0.8, en;q=0.5"
        assert '<html lang="es">' in await ben.text("/")
        assert "Este caso ya no está" in (await ben.get("/cases/NONE")).text
        ben.client.headers["accept-language"] = "fr"
        assert '<html lang="en">' in await ben.text("/")


async def test_a_problem_is_said_in_the_persons_language(desk: Desk) -> None:
    """Also what only happens when two are at it."""
    case = await desk.open_case()
    async with desk.browser("ana") as ana, desk.browser("ben") as ben:
        await ana.act(f"/cases/{case.id}/claim")
        ben.client.headers["accept-language"] = "es"
        assert "Ana Ruiz fue más rápido y lleva este caso." in (await ben.act(f"/cases/{case.id}/claim")).text
