"""What screening makes of the sentences written for this project: by category, by language, by way of telling.

They are read from guardrails/sentences. Rules were made with them in sight, so what the wordings see of them shows gaps
between languages and categories, and not what happens with words that nobody has read. What the meaning layer sees of
them is taken from its training report, in which no sentence is judged by a model that has learned it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.evaluation.measure import Finding, Measure, Quantity, Section, Table, Target, alarms, at_most, recall, wilson
from bot.evaluation.screening import Message, Screener, is_emergency, is_seen_or_asked
from careguard.sentences import Sentence, read_sentence_files
from careguard.verdict import Level

LANGUAGE_GAP = at_most(2.0)
"""Points between the languages' recall."""

_Found = Callable[[Iterable[Sentence]], list[Finding]]


def evaluate_own_sentences(screener: Screener, guardrails: Path, languages: Sequence[str]) -> list[Section]:
    """Return recall and false alarms on the project's own sentences."""
    written = read_sentence_files(guardrails, screener.rulebook)
    sentences = [one for one in written if one.language in languages]
    screened = screener.changed("own sentences", [Message(one.id, one.text) for one in sentences], lambda text: text)
    seen = {one.id: one for one in screened}
    hits = [one for one in sentences if one.level is not Level.NONE]
    misses = [one for one in sentences if one.level is Level.NONE]

    def found(chosen: Iterable[Sentence]) -> list[Finding]:
        return [Finding(one.id, is_seen_or_asked(seen[one.id]), seen[one.id].cause) for one in chosen]

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
            note="By the wordings alone. Seen: emergency, urgent or asked. The sentences were written for this project"
            " and were in sight while rules were made: they show gaps, not what happens with unread words.",
        ),
        _unseen_by_meaning(guardrails, languages),
        Section(
            "Own sentences, by way of telling",
            (
                *(recall(f"{way}: seen", found(one for one in hits if one.style == way)) for way in _ways(hits)),
                *(
                    alarms(f"{way}, near misses called emergencies", called(one for one in misses if one.style == way))
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
    return list(dict.fromkeys(one.style for one in sentences))


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
    for category in sorted({one.category for one in hits if one.category is not None}):
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


def _unseen_by_meaning(guardrails: Path, languages: Sequence[str]) -> Section:
    """Return what wordings and meaning see together, by models that have not learned the sentence (training report)."""
    told = _training_report(guardrails)
    by_language: Mapping[str, Any] = told.get("seen by language", {})
    harmless: Mapping[str, Any] = told.get("summary", {})
    seen = [_measure(f"{tag}: seen, wordings and meaning", by_language.get(tag, {}), "both") for tag in languages]
    rates = [one.rate for one in seen if one.rate is not None]
    gap = (max(rates) - min(rates)) * 100 if len(rates) > 1 else None
    return Section(
        "Own sentences, by models that have not learned them",
        (
            *seen,
            *(
                _measure(f"{kind}: {what} by meaning", harmless.get(kind, {}), f"meaning: {what}")
                for kind in ("near misses", "plain messages")
                for what in ("alarm", "question")
            ),
        ),
        (Quantity("between the languages' recall, wordings and meaning", gap, "points", LANGUAGE_GAP),),
        note="From guardrails/meanings/report.json, written when the meaning layer was trained.",
    )


def _training_report(guardrails: Path) -> Mapping[str, Any]:
    path = guardrails / "meanings" / "report.json"
    told: Any = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return told if isinstance(told, dict) else {}


def _measure(name: str, told: Mapping[str, Any], key: str) -> Measure:
    n = int(told.get("sentences", 0))
    share = (told.get(key) or {}).get("share") or 0.0
    return Measure(name, n, round(share * n))
