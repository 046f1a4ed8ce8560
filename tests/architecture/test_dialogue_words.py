"""The words of the conversation: complete in every language, plain, and tappable."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import Any

import pytest

from bot.gateway.message import ReplyKind
from bot.gateway.wording import LONGEST_PAYLOAD_BYTES, PLACEHOLDERS
from careguard.strict_yaml import read_yaml

REPOSITORY = Path(__file__).resolve().parents[2]
LOCALES = REPOSITORY / "locales"
LANGUAGES = sorted(path.name for path in (LOCALES / "languages").iterdir() if (path / "replies.yaml").is_file())
HARDEST_GRADE = 6.0
LONGEST_TITLE = 40
"""Characters of a button; longer ones are cut off on a phone."""

ADDRESSES_AS_A_FRIEND = re.compile(
    r"\b(tú|ti|tus?|te|contigo|eres|tienes|puedes|quieres|pregúntame|dime|elige)\b", re.IGNORECASE
)


def catalogue() -> dict[str, Any]:
    return dict(read_yaml(LOCALES / "replies.yaml"))


def words(language: str) -> dict[str, Any]:
    return dict(read_yaml(LOCALES / "languages" / language / "replies.yaml"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reply_and_button_has_words_in_every_language_and_there_are_no_others(language: str) -> None:
    assert set(words(language)["replies"]) == set(catalogue()["replies"])
    assert set(words(language)["buttons"]) == set(catalogue()["buttons"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_replies_have_only_placeholders_that_somebody_fills_and_the_same_in_every_language(language: str) -> None:
    for reply_id, text in words(language)["replies"].items():
        placeholders = _placeholders(text)
        assert placeholders <= PLACEHOLDERS, reply_id
        assert placeholders == _placeholders(words("en")["replies"][reply_id]), reply_id


def test_every_reply_has_a_kind_of_the_contract_and_buttons_that_exist() -> None:
    buttons = set(catalogue()["buttons"])
    for reply_id, entry in catalogue()["replies"].items():
        assert entry["kind"] in set(ReplyKind), reply_id
        assert set(entry.get("buttons", [])) <= buttons, reply_id


def test_every_button_tells_an_intent_and_entities_of_the_domain() -> None:
    domain = read_yaml(REPOSITORY / "bot" / "dialogue" / "domain" / "intents.yml")
    entities = {name for entry in domain["entities"] for name in entry}
    for payload, button in catalogue()["buttons"].items():
        assert len(payload.encode()) <= LONGEST_PAYLOAD_BYTES
        assert button["intent"] in domain["intents"], payload
        assert set(button.get("entities", {})) <= entities, payload


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_on_a_button_are_few(language: str) -> None:
    for payload, title in words(language)["buttons"].items():
        assert 0 < len(title) <= LONGEST_TITLE, payload


def test_every_language_has_a_button_and_every_language_button_a_language() -> None:
    offered = {
        payload.removeprefix("language:") for payload in catalogue()["buttons"] if payload.startswith("language:")
    }
    assert offered == set(LANGUAGES)
    shown = catalogue()["replies"]["language_not_available"]["buttons"]
    assert {f"language:{tag}" for tag in LANGUAGES} <= set(shown)


def test_english_replies_can_be_read_after_six_years_of_school() -> None:
    hard = {
        reply_id: grade for reply_id, text in words("en")["replies"].items() if (grade := _grade(text)) > HARDEST_GRADE
    }
    assert not hard


def test_spanish_addresses_patients_formally() -> None:
    spanish = words("es")
    for name, text in (spanish["replies"] | spanish["buttons"]).items():
        assert not ADDRESSES_AS_A_FRIEND.search(text), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_emergency_number_is_written_out(language: str) -> None:
    """Numbers differ by country; they come from the country's file."""
    for reply_id, text in words(language)["replies"].items():
        assert not re.search(r"\d", text), reply_id


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_welcome_and_every_failure_name_the_emergency_number(language: str) -> None:
    for reply_id in ("welcome", "unavailable", "rate_limited", "emergency_acknowledged", "emergency_declined"):
        assert "{emergency_number}" in words(language)["replies"][reply_id], reply_id


@pytest.mark.parametrize("reply_id", sorted(key for key in catalogue()["replies"] if key.startswith("refuse_")))
def test_a_refusal_is_a_refusal_and_never_begins_with_yes(reply_id: str) -> None:
    assert catalogue()["replies"][reply_id]["kind"] == "refusal"
    for language in LANGUAGES:
        assert not re.match(
            r"\W*(yes|sure|of course|ok|sí|claro)\b", words(language)["replies"][reply_id], re.IGNORECASE
        )


def test_refusals_about_medicines_results_and_illness_say_who_can_answer_and_offer_a_person() -> None:
    who = {"en": "pharmacist|doctor|nurse", "es": "farmacéutico|médico|enfermera"}
    for reply_id in (
        "refuse_medicine",
        "refuse_dosing",
        "refuse_stop_medicine",
        "refuse_own_result",
        "refuse_diagnosis",
    ):
        assert "person" in catalogue()["replies"][reply_id]["buttons"]
        for language, pattern in who.items():
            assert re.search(pattern, words(language)["replies"][reply_id]), (reply_id, language)


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def _grade(text: str) -> float:
    """Return the US school grade (Flesch-Kincaid), syllables counted as groups of vowels."""
    plain = re.sub(r"\{[^}]*\}", "one", text)
    found = re.findall(r"[A-Za-z']+", plain)
    sentences = len(re.findall(r"[.!?:](?:\s|$|\")|\n", plain)) or 1
    return 0.39 * len(found) / sentences + 11.8 * sum(map(_syllables, found)) / len(found) - 15.59


def _syllables(word: str) -> int:
    groups = len(re.findall(r"[aeiouy]+", word.lower()))
    silent = word.lower().endswith("e") and not word.lower().endswith("le") and groups > 1
    return max(groups - silent, 1)
