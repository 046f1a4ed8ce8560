"""Before dialogue and before any model: does this message need people now, or may it not be answered?

Deterministic, without a network, over the wordings of every shipped language whatever language the patient writes.
A rule that fires cannot be lowered by anything else in the message; a screen that breaks refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import NamedTuple

from careguard.context import CueKind, Reaches, personal_sentences, read_reaches
from careguard.deciding import may_be_old
from careguard.meanings import Meant
from careguard.normalise import Words, read_words
from careguard.patterns import Cue, Sweep
from careguard.rulebook import LanguageWordings, Rule, Rulebook, Several, Wording
from careguard.verdict import ALLOWED, Decision, FiredRule, Level, Verdict, failed_verdict

MAX_EARLIER = 6
"""Messages before this one that are read together with it."""
_TERSE_WORDS = 7
"""A message this short may be the second half of the sentence before it."""

MEANING_PREFIX = "meaning:"
"""Before the category, in the id of what fired by meaning."""
_AFTER_WORDINGS = 1000
"""Among rules of one level the wordings give category and reply."""

_Cues = Mapping[int, Sequence[Cue]]


class _Fired(NamedTuple):
    rule: Rule
    place: FiredRule
    in_doubt: bool
    """The patient is asked for the one fact that decides before people are called."""


def screen(text: str, rulebook: Rulebook, *, earlier: Sequence[str] = (), meanings: Sequence[Meant] = ()) -> Verdict:
    """Return the verdict about one message; never raises, and what breaks is refused and marked as failed.

    Args:
        text: The message as the patient wrote it; spans in the verdict are its characters.
        rulebook: The loaded rules.
        earlier: The patient's messages before it in this episode, oldest first; what is said in pieces adds up.
        meanings: What the message means beyond the wordings (`careguard.meanings`); it only raises.
    """
    try:
        fired = list(_fired_rules(text, rulebook, earlier))
    except Exception:  # the one place where anything may break; a broken screen must not let a message through
        return failed_verdict()
    verdict = _verdict(list(fired))
    if not meanings or verdict.level is Level.EMERGENCY:
        return verdict
    try:
        return _verdict([*fired, *_fired_meanings(text, rulebook, meanings)])
    except Exception:  # meaning only adds: whatever breaks in it, the verdict of the wordings stands
        return verdict


def _verdict(fired: list[_Fired]) -> Verdict:
    certain = [one for one in fired if not one.in_doubt]
    verdict = _decided(certain)
    doubtful = [one for one in fired if one.in_doubt and one.rule.level.rank > verdict.level.rank]
    if not doubtful:
        return verdict
    if_yes = _decided([*certain, *doubtful])
    ask = min(doubtful, key=_most_pressing).rule.ask
    if verdict is ALLOWED:
        verdict = replace(ALLOWED, category=if_yes.category, rules=if_yes.rules)
    return replace(verdict, ask=ask, if_yes=if_yes)


def _fired_meanings(text: str, rulebook: Rulebook, meanings: Sequence[Meant]) -> Iterator[_Fired]:
    """Turn what the message means into rules that fire; an old complaint is asked about, as with the wordings."""
    words = read_words(text)
    old = may_be_old([(language.context, language.book.sweep(words)) for language in rulebook.languages], 0)
    for meant in meanings:
        rule = replace(
            meant.rule, id=f"{MEANING_PREFIX}{meant.rule.category}", precedence=meant.rule.precedence + _AFTER_WORDINGS
        )
        if rule.ask is not None or not meant.in_doubt:
            place = FiredRule(rule.id, meant.start, meant.end)
            yield _Fired(rule, place, in_doubt=rule.ask is not None and (meant.in_doubt or old))


def _decided(fired: list[_Fired]) -> Verdict:
    if not fired:
        return ALLOWED
    fired.sort(key=_most_pressing)
    first = fired[0].rule
    rules: dict[str, FiredRule] = {}
    for one in fired:
        rules.setdefault(one.rule.id, one.place)
    return Verdict(
        decision=Decision.REFUSE if first.level is Level.NONE else Decision.ESCALATE,
        level=first.level,
        category=first.category,
        rules=tuple(rules.values()),
        say=first.say,
    )


def _most_pressing(one: _Fired) -> tuple[int, int, int]:
    return -one.rule.level.rank, one.rule.precedence, one.place.start


def _fired_rules(text: str, rulebook: Rulebook, earlier: Sequence[str]) -> Iterator[_Fired]:
    words = read_words(text, earlier=tuple(earlier[-MAX_EARLIER:]))
    if not words.forms:
        return
    if earlier:
        _join_terse_messages(words)
    current = words.messages[-1] if words.messages else 0
    if current != len(earlier[-MAX_EARLIER:]):
        return
    found = [(language, sweep) for language in rulebook.languages if (sweep := language.book.sweep(words)).possible]
    reaches = _reaches(found)

    @cache
    def old() -> bool:
        return may_be_old([(language.context, sweep) for language, sweep in found], current)

    for (language, sweep), reach in zip(found, reaches, strict=True):
        yield from _fired_in(language, sweep, reach, current, old)


def _reaches(found: Sequence[tuple[LanguageWordings, Sweep]]) -> list[Reaches]:
    """Return for each language what its own cues reach, and those of the others: "no tengo chest pain" is a denial."""
    personal = set().union(*(personal_sentences(language.context, sweep) for language, sweep in found))
    own = [read_reaches(language.context, sweep, personal=personal) for language, sweep in found]
    if len(found) == 1:
        return own
    merged = []
    for (language, sweep), reach in zip(found, own, strict=True):
        for other in own:
            if other is not reach:
                reach = reach.with_foreign(other, partial(_is_foreign, language, sweep))
        merged.append(reach)
    return merged


def _is_foreign(language: LanguageWordings, sweep: Sweep, cue: Cue) -> bool:
    """Say whether the cue has a word that this language does not know; "no" is a word of both and proves nothing."""
    return any(not language.knows(sweep.words.forms[place][0]) for place in range(cue.start, cue.end))


def _fired_in(
    language: LanguageWordings, sweep: Sweep, reaches: Reaches, current: int, old: Callable[[], bool]
) -> Iterator[_Fired]:
    @cache
    def cues(kinds: frozenset[CueKind]) -> _Cues:
        return reaches.of(kinds)

    places = {language.owners[number] for number in sweep.possible if number in language.owners}
    for wording in (language.wordings[place] for place in sorted(places)):
        rule = wording.rule
        place = _first_place(wording, sweep, cues(rule.cancelled_by), current)
        if place is not None:
            yield _Fired(rule, FiredRule(rule.id, *place), in_doubt=rule.ask is not None and old())
        elif wording.possible:
            place = _first_place(wording, sweep, cues(rule.cancelled_by), current, possible=True)
            if place is not None:
                yield _Fired(rule, FiredRule(rule.id, *place), in_doubt=True)


def _first_place(
    wording: Wording, sweep: Sweep, cues: _Cues, current: int, *, possible: bool = False
) -> tuple[int, int] | None:
    """Return the characters of the current message at which the rule fires, or with `possible` asks, or None."""
    silenced: set[int] | None = None
    for pattern in wording.possible if possible else wording.says:
        for way in sweep.matches(pattern, negators=cues):
            if silenced is None:
                silenced = _sentences_of(wording, sweep)
            if silenced and any(sweep.words.sentences[start] in silenced for start, _ in way):
                continue
            place = _characters(way, sweep.words, current)
            if place is not None:
                return place
    for several in () if possible else wording.several:
        place = _several_place(several, sweep, cues, current)
        if place is not None:
            return place
    return None


def _sentences_of(wording: Wording, sweep: Sweep) -> set[int]:
    return {
        sweep.words.sentences[start]
        for pattern in wording.not_when
        for way in sweep.matches(pattern)
        for start, _ in way
    }


def _several_place(several: Several, sweep: Sweep, cues: _Cues, current: int) -> tuple[int, int] | None:
    counted: list[tuple[int, int]] = []
    for sign in several.signs:
        for way in sweep.matches(sign, negators=cues):
            span = (way[0][0], way[-1][1])
            if not any(start < span[1] and span[0] < end for start, end in counted):
                counted.append(span)
                break
    if len(counted) < several.at_least:
        return None
    return _characters(counted, sweep.words, current)


def _characters(way: Sequence[tuple[int, int]], words: Words, current: int) -> tuple[int, int] | None:
    own = [index for start, end in way for index in range(start, end) if words.messages[index] == current]
    if not own:
        return None
    return min(words.starts[index] for index in own), max(words.ends[index] for index in own)


def _join_terse_messages(words: Words) -> None:
    """Let a message of a few words belong to the sentence before it ("my chest" ... "hurts a lot")."""
    lengths: dict[int, int] = {}
    for message in words.messages:
        lengths[message] = lengths.get(message, 0) + 1
    shift = 0
    original = list(words.sentences)
    for index in range(1, len(words)):
        before, here = words.messages[index - 1], words.messages[index]
        if here != before and max(lengths[here], lengths[before]) <= _TERSE_WORDS:
            shift += original[index] - original[index - 1]
        words.sentences[index] = original[index] - shift
