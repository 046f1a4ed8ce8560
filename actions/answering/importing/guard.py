"""Decides which imported passages may become part of the knowledge: whatever a leaflet says, it is only data.

Between cutting and keeping. An instruction hidden in it is refused by the rules that screen patients' messages; an
amount of a medicine, a change of one, a diagnosis or false comfort by the rules that review every answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from actions.answering.topic import Passage
from careguard.review import DraftSentence, review_sentence
from careguard.review_words import ReviewPolicy
from careguard.rulebook import Rulebook
from careguard.screen import screen
from careguard.strict_yaml import read_yaml
from careguard.verdict import Decision

_ATTACKS = "attacks.yaml"
_INSTRUCTION = "prompt_injection"
_TOGETHER = 8
"""Passages that are screened together first."""
_CALL = r"(?P<call>\b(?:call|dial|phone|ring|llame al?|llama al?|marque(?: el)?)\s+)"


@dataclass(frozen=True, slots=True)
class RefusedPassage:
    """A passage that was left out, and the rule for which it was."""

    rule: str
    text: str
    is_instruction: bool = False
    """True when it tries to tell the bot what to do."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """The passages that may be used, and those that were refused."""

    kept: tuple[Passage, ...]
    refused: tuple[RefusedPassage, ...]


class Guard:
    """Judges passages; built once for an import."""

    def __init__(self, rulebook: Rulebook, policy: ReviewPolicy, locales: Path) -> None:
        self._rulebook = rulebook
        self._policy = policy
        attacks = [rule for rule in rulebook.rules.values() if rule.path.name == _ATTACKS]
        self._attacks = frozenset(rule.id for rule in attacks)
        self._instructions = frozenset(rule.id for rule in attacks if rule.category == _INSTRUCTION)
        numbers = sorted(_emergency_numbers(locales), key=len, reverse=True)
        any_number = "|".join("-?".join(number) for number in numbers) or r"(?!)"  # 9-1-1 is 911
        self._call = re.compile(rf"{_CALL}(?:{any_number})(?!-?\d)(?!\s\d)", re.IGNORECASE)

    @property
    def languages(self) -> tuple[str, ...]:
        """Return the languages in which answers can be reviewed."""
        return tuple(self._policy.languages)

    def localised(self, text: str) -> str:
        """Return the text with the emergency number of one country left open for the patient's own."""
        return self._call.sub(lambda found: f"{found['call']}{{emergency_number}}", text)

    def judge(self, passages: Sequence[Passage]) -> Guarded:
        """Return which passages of one document may be used."""
        attacked = self._attacked([passage.text for passage in passages])
        kept: list[Passage] = []
        refused: list[RefusedPassage] = []
        for place, passage in enumerate(passages):
            rule = attacked.get(place) or self._broken_rule(passage)
            if rule is None:
                kept.append(passage)
            else:
                refused.append(RefusedPassage(rule, passage.text, self.is_instruction(rule)))
        return Guarded(tuple(kept), tuple(refused))

    def _attacked(self, texts: Sequence[str]) -> dict[int, str]:
        """Return the places of texts in which an attack rule fires, also where one needs the text after it."""
        found: dict[int, str] = {}
        for start in range(0, len(texts), _TOGETHER):
            # Most leaflets are clean: what is harmless read together needs no second look.
            window = texts[start : start + _TOGETHER + 1]
            if self.attack_in(" ".join(window)) is None:
                continue
            for place, text in enumerate(window, start=start):
                if (rule := self.attack_in(text)) is not None:
                    found[place] = rule
            # An instruction may be spread over two passages that are harmless one by one.
            for place in range(start, start + len(window) - 1):
                if place in found or place + 1 in found:
                    continue
                if (rule := self.attack_in(f"{texts[place]} {texts[place + 1]}")) is not None:
                    found[place] = found[place + 1] = rule
        return found

    def is_instruction(self, rule: str) -> bool:
        """Return whether the rule is against instructions to the bot, which no honest leaflet holds."""
        return rule in self._instructions

    def attack_in(self, text: str) -> str | None:
        """Return the attack rule that fires on the text, None when none does."""
        verdict = screen(text, self._rulebook)
        if verdict.failed:
            return "failed"
        return next((fired.id for fired in verdict.rules if fired.id in self._attacks), None)

    def _broken_rule(self, passage: Passage) -> str | None:
        # As patients will read it, with a number where one is left open.
        read = passage.filled({"emergency_number": "112"})
        verdict = review_sentence(DraftSentence(read.text, (read.id,)), [read], read.language, self._policy)
        return None if verdict.decision is Decision.ALLOW and not verdict.failed else verdict.category or "failed"


def _emergency_numbers(locales: Path) -> set[str]:
    numbers: set[str] = set()
    for path in (locales / "countries").glob("*.yaml"):
        loaded = read_yaml(path)
        entry = loaded.get("emergency_number") if isinstance(loaded, dict) else None
        number = entry.get("number") if isinstance(entry, dict) else None
        if isinstance(number, str) and re.fullmatch(r"\d{2,4}", number.strip()):
            numbers.add(number.strip())
    return numbers
