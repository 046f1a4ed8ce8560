"""What screening makes of the sentences written for this project: by category, by language, by way of telling.

They are read from guardrails/sentences. Rules and the meaning layer were made with them in sight, so these figures show
gaps between languages and categories, and not what happens with words that nobody has read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.evaluation.measure import Finding, Quantity, Section, Table, Target, alarms, at_most, recall, wilson
from bot.evaluation.screening import Message, Screener, is_emergency, is_seen
from careguard.strict_yaml import read_yaml

LANGUAGE_GAP = at_most(2.0)
"""Points between the languages' recall."""
HITS = "hits"
NEAR_MISSES = "near_misses"

_Found = Callable[[Iterable["Sentence"]], list[Finding]]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence with what was written beside it."""

    id: str
    text: str = field(repr=False)
    language: str
    category: str
    kind: str
    """HITS or NEAR_MISSES."""
    way: str
    """How it is told (lay, terse, third person), or why it is none (knowledge, past, denied)."""


def read_sentences(guardrails: Path, languages: Sequence[str]) -> list[Sentence]:
    """Return every labelled sentence of the languages; none where the folder is not there."""
    return [
        sentence
        for language in languages
        for path in sorted((guardrails / "sentences" / language).glob("*.yaml"))
        for sentence in _read_file(path, language)
    ]


def _read_file(path: Path, language: str) -> Iterable[Sentence]:
    data = read_yaml(path)
    category = data.get("category") if isinstance(data, dict) else None
    if not isinstance(category, str):
        return
    for kind in (HITS, NEAR_MISSES):
        for way, texts in (data.get(kind) or {}).items():
            for number, text in enumerate(texts, start=1):
                yield Sentence(f"{language}/{path.stem}/{way}/{number}", str(text), language, category, kind, str(way))


def evaluate_own_sentences(screener: Screener, guardrails: Path, languages: Sequence[str]) -> list[Section]:
    """Return recall and false alarms on the project's own sentences."""
    sentences = read_sentences(guardrails, languages)
    screened = screener.changed("own sentences", [Message(one.id, one.text) for one in sentences], lambda text: text)
    seen = {one.id: one for one in screened}
    hits = [one for one in sentences if one.kind == HITS]
    misses = [one for one in sentences if one.kind == NEAR_MISSES]

    def found(chosen: Iterable[Sentence]) -> list[Finding]:
        return [Finding(one.id, is_seen(seen[one.id]), seen[one.id].cause) for one in chosen]

    def called(chosen: Iterable[Sentence]) -> list[Finding]:
        return [Finding(one.id, is_emergency(seen[one.id]), seen[one.id].cause) for one in chosen]

    return [
        Section(
            "Own sentences, by language",
            (
                *(recall(f"{tag}: seen", found(_in(hits, tag))) for tag in languages),
                *(alarms(f"{tag}: near misses called emergencies", called(_in(misses, tag))) for tag in languages),
            ),
            (_gap("between the languages' recall", hits, found, languages, LANGUAGE_GAP),),
            note="Seen: emergency or urgent. The sentences were written for this project and were in sight while rules"
            " and the meaning layer were made: they show gaps, not what happens with unread words.",
        ),
        Section(
            "Own sentences, by way of telling",
            (
                *(recall(f"{way}: seen", found(one for one in hits if one.way == way)) for way in _ways(hits)),
                *(
                    alarms(f"{way}, near misses called emergencies", called(one for one in misses if one.way == way))
                    for way in _ways(misses)
                ),
            ),
        ),
        Section(
            "Own sentences, by category and language",
            table=_by_category(hits, found, languages),
            note="Share seen, with its 95 % interval. Two languages that lie apart show where wordings are missing.",
        ),
    ]


def _in(sentences: Iterable[Sentence], language: str) -> list[Sentence]:
    return [one for one in sentences if one.language == language]


def _ways(sentences: Iterable[Sentence]) -> list[str]:
    return list(dict.fromkeys(one.way for one in sentences))


def _rate(findings: Sequence[Finding]) -> float | None:
    return sum(finding.hit for finding in findings) / len(findings) if findings else None


def _gap(
    name: str, hits: Sequence[Sentence], found: _Found, languages: Sequence[str], target: Target | None
) -> Quantity:
    rates = [rate for tag in languages if (rate := _rate(found(_in(hits, tag)))) is not None]
    gap = (max(rates) - min(rates)) * 100 if len(rates) > 1 else None
    return Quantity(name, gap, "points", target)


def _by_category(hits: Sequence[Sentence], found: _Found, languages: Sequence[str]) -> Table:
    rows = []
    for category in sorted({one.category for one in hits}):
        cells = [category]
        rates = []
        for tag in languages:
            findings = found(one for one in hits if one.category == category and one.language == tag)
            rate = _rate(findings)
            cells.append(_share(findings))
            rates += [rate] if rate is not None else []
        cells.append(f"{(max(rates) - min(rates)) * 100:.0f}" if len(rates) > 1 else "")
        rows.append(tuple(cells))
    return Table(("category", *languages, "points apart"), tuple(rows))


def _share(findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    hits, n = sum(finding.hit for finding in findings), len(findings)
    interval = wilson(hits, n)
    return f"{hits}/{n} ({interval.low * 100:.0f} to {interval.high * 100:.0f} %)"
