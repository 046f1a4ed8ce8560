"""The pages of accounts, people, log, overview and safety in English and Spanish."""

from __future__ import annotations

import re

import pytest

from bot.desk import tongue
from bot.desk.render import FOLDER

TEMPLATES = (
    *("account", "account_factor", "account_password", "audit", "door", "glass", "lead", "people", "person"),
    *("person_fields", "places", "refused", "safety", "sign_in", "sign_in_code"),
)
MODULES = ("account", "glass_page", "lead", "people", "safety")
SAID = re.compile(r"\b(?:_|t)\(\s*\"((?:[^\"\\]|\\.)*)\"")
SAID_LATER = re.compile(
    r"""problem=\"([A-Z][^"]+)\"|^\s+problem\ =\ \"([^"]+)\"|^\s+(?:\"\w+\"|GlassReason\.\w+):\ \"([A-Z][^"]+)\"
    |^_WRONG\w+\ =\ \"([^"]+)\"""",
    re.MULTILINE | re.VERBOSE,
)


def sentences() -> set[str]:
    """Every sentence that these pages can say."""
    said: set[str] = set()
    for name in TEMPLATES:
        said |= set(SAID.findall((FOLDER / "templates" / f"{name}.html").read_text(encoding="utf-8")))
    for name in MODULES:
        source = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
        said |= set(SAID.findall(source))
        said |= {"".join(found) for found in SAID_LATER.findall(source)}
    return said


@pytest.mark.parametrize("language", sorted(tongue.translations()))
def test_every_sentence_of_these_pages_is_there_in_every_language(language: str) -> None:
    """Whoever reads Spanish reads all of it."""
    assert len(sentences()) > 150
    assert sentences() - set(tongue.translations()[language]) == set()


def test_no_template_says_english_past_the_translation() -> None:
    """Words that stand in a template as they are would be said in English to everyone."""
    for name in TEMPLATES:
        text = (FOLDER / "templates" / f"{name}.html").read_text(encoding="utf-8")
        text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<(script|style|svg).*?</\1>", " ", text, flags=re.DOTALL)
        left = re.findall(r">([^<>]*[A-Za-z]{3,}[^<>]*)<", text)
        assert [words for words in left if words.strip() not in {"Bedside", "· Bedside"}] == [], name
