"""How patients ask in one language: the cue words that a clinician or translator keeps in `questions.yaml`.

Between the question and retrieval: it says which aspect a question is about, and which of its words carry the topic.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from actions.answering.cues import cue_pattern, one_cue, read_cues, read_some_cues
from careguard.errors import DataFileError
from careguard.stems import fold, stem, stop_words, words
from careguard.strict_yaml import read_yaml


class Aspect(StrEnum):
    """What a patient wants to know about a topic."""

    MEANING = "meaning"
    SIGNS = "signs"
    CAUSE = "cause"
    SELF_CARE = "self_care"
    TREATMENT = "treatment"
    DANGER = "danger"
    HARM = "harm"
    OUTLOOK = "outlook"
    AMOUNT = "amount"
    PREVENTION = "prevention"
    TEST = "test"
    ASK_DOCTOR = "ask_doctor"


_TELLING = {Aspect.MEANING: 0.5, Aspect.TEST: 0.5, Aspect.HARM: 0.75}
"""How much a cue tells where it tells less than its length: "what are" and "level" stand in many questions, and
"when is it dangerous?" asks for when to get help."""


@dataclass(frozen=True, slots=True)
class AspectWords:
    """The words by which one aspect is asked for and told."""

    asked: re.Pattern[str]
    told: re.Pattern[str] | None


class Group(StrEnum):
    """Whom a question or a passage is about."""

    CHILD = "child"
    ADULT = "adult"
    OLDER_ADULT = "older_adult"
    PREGNANCY = "pregnancy"


_FROM_ADULT = 18
_FROM_OLDER = 65
"""Source: World Health Organization and US law: an adult from 18 years; MedlinePlus: older adults from 65."""
_LONGEST_LIFE = 120


@dataclass(frozen=True, slots=True)
class GroupWords:
    """The words by which a question is about a group, and those by which a passage names it."""

    asked: re.Pattern[str]
    told: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class WhoWords:
    """Everything by which one language tells whom it is about."""

    groups: dict[Group, GroupWords]
    years: re.Pattern[str]
    months: re.Pattern[str]
    """Ages that only a baby has: months, weeks and days."""


@dataclass(frozen=True, slots=True)
class LetterWords:
    """The words by which the question inside a long message is found."""

    wishes: re.Pattern[str]
    """What comes before a wish to know ("please tell me")."""
    needs: re.Pattern[str]
    """What asks without a question ("any treatment for")."""
    own_case: re.Pattern[str]
    """What asks for a judgement on one person, which nobody here gives."""
    not_here: re.Pattern[str]
    """What no passage holds: addresses, prices, studies."""
    headings: re.Pattern[str]
    """What stands before the subject and before the text of a letter."""
    courtesies: re.Pattern[str]
    """How a piece begins that only greets or thanks."""
    personal: re.Pattern[str]
    """What tells a sentence of the story from a subject line ("my", "she")."""


@dataclass(frozen=True, slots=True)
class QuestionWords:
    """Everything `questions.yaml` says about one language."""

    language: str
    aspects: dict[Aspect, AspectWords]
    follow_ups: re.Pattern[str]
    yes_or_no: re.Pattern[str]
    goes_on: re.Pattern[str]
    about_the_bot: re.Pattern[str]
    frame: frozenset[str]
    """Stems of ordinary words that say nothing about the topic."""
    details: frozenset[str]
    """Stems of words that make a question ask for more than the whole topic ("eat", "every", "normal")."""
    small_details: frozenset[str]
    """The stop words among them, as written: by its stem, "cómo" would be a form of "comer"."""
    opposites: tuple[tuple[str, str], ...]
    ambiguous: frozenset[str]
    """Stems of topic words that often mean something else."""
    differences: re.Pattern[str]
    instead: dict[str, str]
    """Words that patients use, and the word by which passages tell it ("kissing": "saliva")."""
    who: WhoWords
    letters: LetterWords

    def compares(self, question: str) -> bool:
        """Return whether the question asks how two things differ."""
        return self.differences.search(fold(question)) is not None

    def in_our_words(self, question: str) -> str:
        """Return the question with the words by which passages tell it; itself where there are none."""
        return (
            " ".join(self.instead.get(word, word) for word in words(question)) if self._has_ours(question) else question
        )

    def _has_ours(self, question: str) -> bool:
        return not self.instead.keys().isdisjoint(words(question))

    def about(self, question: str) -> frozenset[Group]:
        """Return whom the question is about, as far as it says so; empty when it does not."""
        said = " ".join(words(question))
        found = {group for group, cues in self.who.groups.items() if cues.asked.search(said)}
        if self.who.months.search(said):
            found.add(Group.CHILD)
        for age in (int(next(filter(None, hit.groups()))) for hit in self.who.years.finditer(said)):
            if age < _FROM_ADULT:
                found.add(Group.CHILD)
            elif age <= _LONGEST_LIFE:
                # "my son is 30 years old": the age tells more than the word.
                found.discard(Group.CHILD)
                found.add(Group.OLDER_ADULT if age >= _FROM_OLDER else Group.ADULT)
        return frozenset(found)

    def named_in(self, passage: str) -> frozenset[Group]:
        """Return the groups that a passage names."""
        told = " ".join(words(passage))
        return frozenset(group for group, cues in self.who.groups.items() if cues.told.search(told))

    def tells(self, aspect: Aspect, passage: str) -> bool:
        """Return whether a passage has the words by which the aspect is told."""
        told = self.aspects[aspect].told
        return told is not None and told.search(" ".join(words(passage))) is not None

    def aspects_of(self, question: str) -> tuple[Aspect, ...]:
        """Return the aspects the question asks for, the one with the most telling cue first.

        A longer cue tells more.
        """
        folded = fold(question)
        found: list[tuple[float, Aspect]] = []
        for aspect, cues in self.aspects.items():
            lengths = [hit.end() - hit.start() for hit in cues.asked.finditer(folded)]
            if lengths:
                found.append((max(lengths) * _TELLING.get(aspect, 1.0), aspect))
        return tuple(aspect for _, aspect in sorted(found, key=lambda pair: -pair[0]))

    def cue_stems(self, question: str) -> frozenset[str]:
        """Return the stems of the question's words that are cues, not topic."""
        folded = fold(question)
        return frozenset(
            stem(word, self.language)
            for cues in self.aspects.values()
            for hit in cues.asked.finditer(folded)
            for word in words(hit[0])
        )

    def is_detail(self, word: str) -> bool:
        """Return whether the word makes a question ask for more than the whole topic."""
        if word in stop_words(self.language):
            return word in self.small_details
        return stem(word, self.language) in self.details

    def points_back(self, question: str) -> bool:
        """Return whether the question has a word that refers to what was talked about before."""
        return self.follow_ups.search(fold(question)) is not None

    def wants_yes_or_no(self, question: str) -> bool:
        """Return whether the question begins like one that is answered by yes or no."""
        return self.yes_or_no.match(fold(question).lstrip(" ¿¡\"'")) is not None

    def carries_on(self, question: str) -> bool:
        """Return whether the question plainly carries on with what was talked about before."""
        return self.goes_on.search(fold(question)) is not None

    def is_about_the_bot(self, question: str) -> bool:
        """Return whether the question speaks of the bot itself."""
        return self.about_the_bot.search(fold(question)) is not None


_KEYS = {
    "aspects", "yes_or_no", "follow_ups", "goes_on", "about_the_bot", "frame", "details", "opposites", "ambiguous",
    "differences", "instead", "who", "ages", "letters",
}  # fmt: skip
_AGES = {"years", "months"}
_LETTER_KEYS = {"wishes", "needs", "own_case", "not_here", "headings", "courtesies", "personal"}


def read_question_words(locales: Path, language: str) -> QuestionWords:
    """Return the cue words of one language.

    Raises:
        DataFileError: The file is missing or bends the format.
    """
    path = locales / "languages" / language / "questions.yaml"
    loaded = read_yaml(path)
    if not isinstance(loaded, dict) or set(loaded) != _KEYS:
        raise DataFileError(path, f"the file must have exactly these keys: {', '.join(sorted(_KEYS))}")
    aspects = loaded["aspects"]
    if not isinstance(aspects, dict) or set(aspects) != {aspect.value for aspect in Aspect}:
        raise DataFileError(path, f"aspects must be exactly: {', '.join(aspect.value for aspect in Aspect)}")
    return QuestionWords(
        language=language,
        aspects={Aspect(name): _read_aspect(path, name, entry) for name, entry in aspects.items()},
        follow_ups=cue_pattern(read_cues(path, "follow_ups", loaded["follow_ups"])),
        yes_or_no=cue_pattern(read_cues(path, "yes_or_no", loaded["yes_or_no"])),
        goes_on=cue_pattern(read_cues(path, "goes_on", loaded["goes_on"])),
        about_the_bot=cue_pattern(read_cues(path, "about_the_bot", loaded["about_the_bot"])),
        frame=_stem_set(path, "frame", loaded["frame"], language),
        details=_stem_set(path, "details", loaded["details"], language),
        small_details=frozenset(fold(word) for word in read_cues(path, "details", loaded["details"]))
        & stop_words(language),
        opposites=_read_opposites(path, loaded["opposites"]),
        ambiguous=_stem_set(path, "ambiguous", loaded["ambiguous"], language),
        differences=cue_pattern(read_some_cues(path, "differences", loaded["differences"])),
        instead=_read_instead(path, loaded["instead"]),
        who=_read_who(path, loaded["who"], loaded["ages"]),
        letters=_read_letters(path, loaded["letters"]),
    )


def _read_instead(path: Path, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(word, str) and word.strip() for word in value.values()):
        raise DataFileError(path, "'instead' must give one word for each, like {kissing: saliva}")
    return {fold(str(theirs)): fold(ours) for theirs, ours in value.items()}


def _read_who(path: Path, groups: Any, ages: Any) -> WhoWords:
    if not isinstance(groups, dict) or set(groups) != {group.value for group in Group}:
        raise DataFileError(path, f"who must be exactly: {', '.join(group.value for group in Group)}")
    if not isinstance(ages, dict) or set(ages) != _AGES:
        raise DataFileError(path, "ages must have 'years' and 'months'")
    return WhoWords(
        {Group(name): _read_group(path, name, entry) for name, entry in groups.items()},
        years=_ages(path, "years", ages["years"]),
        months=_ages(path, "months", ages["months"]),
    )


def _read_group(path: Path, name: str, entry: Any) -> GroupWords:
    if not isinstance(entry, dict) or set(entry) != {"asked", "told"}:
        raise DataFileError(path, f"who.{name} must have 'asked' and 'told'")
    asked, told = (read_some_cues(path, f"{name}.{key}", entry[key]) for key in ("asked", "told"))
    return GroupWords(cue_pattern(asked), cue_pattern(told))


def _ages(path: Path, key: str, value: Any) -> re.Pattern[str]:
    phrases = read_some_cues(path, key, value)
    if not all(phrase.count("#") == 1 for phrase in phrases):
        raise DataFileError(path, f"each phrase of '{key}' must have one # where the number stands")
    ways = "|".join(one_cue(fold(phrase)).replace(r"\#", r"(\d{1,3})") for phrase in phrases)
    return re.compile(r"(?<!\w)(?:" + ways + r")(?!\w)")


def _read_letters(path: Path, value: Any) -> LetterWords:
    if not isinstance(value, dict) or set(value) != _LETTER_KEYS:
        raise DataFileError(path, f"letters must have exactly these keys: {', '.join(sorted(_LETTER_KEYS))}")
    return LetterWords(**{key: cue_pattern(read_some_cues(path, f"letters.{key}", value[key])) for key in _LETTER_KEYS})


def _read_aspect(path: Path, name: str, entry: Any) -> AspectWords:
    if not isinstance(entry, dict) or set(entry) != {"asked", "told"}:
        raise DataFileError(path, f"aspect '{name}' must have 'asked' and 'told'")
    asked = read_cues(path, f"{name}.asked", entry["asked"])
    told = read_cues(path, f"{name}.told", entry["told"])
    if not asked:
        raise DataFileError(path, f"aspect '{name}' has no word by which it is asked for")
    return AspectWords(asked=cue_pattern(asked), told=cue_pattern(told) if told else None)


def _read_opposites(path: Path, value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list):
        raise DataFileError(path, "'opposites' must be a list of pairs, like [high, low]")
    pairs: list[tuple[str, str]] = []
    for entry in value:
        pair = read_cues(path, "opposites", entry)
        if len(pair) != 2:
            raise DataFileError(path, "each of 'opposites' must be a pair, like [high, low]")
        pairs.append((fold(pair[0]), fold(pair[1])))
    return tuple(pairs)


def _stem_set(path: Path, key: str, value: Any, language: str) -> frozenset[str]:
    return frozenset(stem(word, language) for entry in read_cues(path, key, value) for word in words(entry))
