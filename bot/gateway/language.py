"""Which language a turn is in: before dialogue, after screening (which needs no language).

Order of trust: the patient's explicit choice; the script; two detectors that agree; the channel's hint on first
contact; the conversation's language. Too short, or in disagreement, keeps what was.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import langdetect
from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory
from langdetect.lang_detect_exception import LangDetectException
from py3langid.langid import MODEL_FILE, LanguageIdentifier

NEIGHBOURS = ("en", "es", "fr", "de", "pt", "it", "nl", "pl", "ro", "tr", "vi", "id", "tl", "ca", "sv")
"""Latin-script languages that patients of an English or Spanish clinic are likely to write instead."""

SCRIPT_LANGUAGES = {
    "CYRILLIC": ("ru", "uk", "bg"),
    "ARABIC": ("ar", "fa", "ur"),
    "HEBREW": ("he",),
    "DEVANAGARI": ("hi", "mr", "ne"),
    "BENGALI": ("bn",),
    "CJK": ("zh", "ja"),
    "HIRAGANA": ("ja",),
    "KATAKANA": ("ja",),
    "HANGUL": ("ko",),
    "THAI": ("th",),
    "GREEK": ("el",),
    "TAMIL": ("ta",),
    "TELUGU": ("te",),
    "GUJARATI": ("gu",),
    "GURMUKHI": ("pa",),
    "ETHIOPIC": ("am",),
    "ARMENIAN": ("hy",),
    "GEORGIAN": ("ka",),
    "KHMER": ("km",),
    "MYANMAR": ("my",),
}

FEWEST_WORDS_FOR_UNSHIPPED = 4
"""A shorter text is never taken for a language that we do not have: "me duele" must not become Portuguese."""

SURE = 0.75
"""Below this share of probability a detector has no vote."""

_NOT_WORDS = re.compile(r"https?://\S+|\S+@\S+|\[[A-Z_]+\]|[\d_]+")


@dataclass(frozen=True, slots=True)
class DetectedLanguage:
    """What the text itself says: a BCP 47 tag, or None when it does not tell."""

    language: str | None
    confidence: float
    """Share of probability, 0-1."""
    shipped: bool


@dataclass(frozen=True, slots=True)
class ChosenLanguage:
    """The language of a turn's reply, and the language we lack when the patient wrote in one."""

    language: str
    unavailable: str | None = None


UNDECIDED = DetectedLanguage(language=None, confidence=0.0, shipped=False)


class LanguageDetector:
    """Two detectors, restricted to plausible languages and seeded: the same text always gives the same answer."""

    def __init__(self, shipped: Sequence[str]) -> None:
        self._shipped = tuple(shipped)
        latin = tuple(dict.fromkeys((*self._shipped, *NEIGHBOURS)))
        self._identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        known = set(self._identifier.labels)
        self._identifier.set_languages([tag for tag in latin if tag in known])
        self._factory = DetectorFactory()
        langdetect.DetectorFactory.seed = 0
        self._factory.seed = 0
        profiles = [Path(PROFILES_DIRECTORY) / tag for tag in latin]
        self._factory.load_json_profile([path.read_text(encoding="utf-8") for path in profiles if path.is_file()])

    def detect(self, text: str) -> DetectedLanguage:
        """Return what the text says about its language; `language` is None when it is too short or in doubt."""
        words = _NOT_WORDS.sub(" ", text).split()
        plain = " ".join(words)
        script = _script(plain)
        if script is None:
            return UNDECIDED
        if script != "LATIN":
            return self._by_script(script)
        first, first_share = self._identifier.classify(plain)
        second, second_share = self._langdetect(plain)
        if first != second or first_share < SURE or second_share < SURE:
            return self._lone_vote(str(first), float(first_share), second, second_share, len(words))
        if first not in self._shipped and len(words) < FEWEST_WORDS_FOR_UNSHIPPED:
            return UNDECIDED
        return DetectedLanguage(str(first), (float(first_share) + second_share) / 2, first in self._shipped)

    def choose(self, text: str, *, current: str, explicit: bool, hint: str | None, first: bool) -> ChosenLanguage:
        """Return the language to answer in.

        Args:
            current: The conversation's language.
            explicit: The patient chose `current` by hand; it sticks.
            hint: What the channel believes (BCP 47); counts on first contact only.
            first: This is the conversation's first message.
        """
        if explicit:
            return ChosenLanguage(current)
        detected = self.detect(text)
        if detected.language is not None and detected.shipped:
            return ChosenLanguage(detected.language)
        hinted = hint.split("-")[0].lower() if hint else None
        kept = hinted if first and hinted in self._shipped else current
        return ChosenLanguage(kept, unavailable=detected.language)

    def _by_script(self, script: str) -> DetectedLanguage:
        languages = SCRIPT_LANGUAGES.get(script, ("und",))
        shipped = [tag for tag in languages if tag in self._shipped]
        return DetectedLanguage((shipped or list(languages))[0], 1.0, bool(shipped))

    def _langdetect(self, text: str) -> tuple[str, float]:
        detector: Any = self._factory.create()
        detector.append(text)
        try:
            best = detector.get_probabilities()
        except LangDetectException:
            return "und", 0.0
        return (best[0].lang, float(best[0].prob)) if best else ("und", 0.0)

    def _lone_vote(
        self, first: str, first_share: float, second: str, second_share: float, words: int
    ) -> DetectedLanguage:
        """Let one sure detector speak for a shipped language when the other is unsure; never for one we lack."""
        votes = [(first, first_share), (second, second_share)]
        sure = [(tag, share) for tag, share in votes if tag in self._shipped and share >= SURE]
        if len({tag for tag, _ in sure}) == 1 and words > 1:
            return DetectedLanguage(sure[0][0], sure[0][1] / 2, shipped=True)
        return UNDECIDED


def _script(text: str) -> str | None:
    """Return the script most letters are in, as the first word of their Unicode names; None without letters."""
    scripts = Counter(unicodedata.name(char, "?").split()[0] for char in text if char.isalpha())
    return scripts.most_common(1)[0][0] if scripts else None
