"""The language suite: which language very short texts and whole questions are taken for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.evaluation.measure import Finding, Measure, Section, alarms, recall, share
from bot.evaluation.progress import Watch
from bot.evaluation.rows import EvaluationRows, Row
from bot.gateway.language import LanguageDetector

UNDECIDED = "undecided"
_SHORT = "eld-langid-short"
_TICO_TAGS = {"en": "en", "es": "es-419", "fr": "fr", "pt": "pt-BR"}
"""Our tag and the name of the column in tico19."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """One text: the language it is in, and the one it was taken for."""

    id: str
    kind: str
    language: str
    taken_for: str


def evaluate_language(
    rows: EvaluationRows, detector: LanguageDetector, shipped: Sequence[str], watch: Watch
) -> list[Section]:
    """Return the share of texts taken for the right language, for none, and for a wrong one."""
    short = _short_texts(rows, detector, watch)
    ours = [taken for taken in short if taken.language in shipped]
    rest = [taken for taken in short if taken.language not in shipped]
    return [
        Section(
            "One or two words in a language that we ship",
            tuple(measure for name, group in _groups(ours) for measure in _three_ways(name, group)),
            note="Undecided keeps the conversation's language, which does no harm; wrong changes it.",
        ),
        Section(
            "One or two words in another language",
            (*_three_ways("all others", rest), _mistaken(rest, shipped)),
            note="Texts this short are left undecided on purpose unless the script tells.",
        ),
        Section("Whole questions in a language that we ship", tuple(_whole_questions(rows, detector, shipped, watch))),
    ]


def _short_texts(rows: EvaluationRows, detector: LanguageDetector, watch: Watch) -> list[_Taken]:
    read = rows.read(_SHORT, "eld")
    return [
        _taken(row.id, str(row["kind"]), str(row["lang"]), row.text("text"), detector)
        for row in watch.each("language: short texts", read)
    ]


def _taken(row_id: str, kind: str, language: str, text: str, detector: LanguageDetector) -> _Taken:
    return _Taken(row_id, kind, language, detector.detect(text).language or UNDECIDED)


def _groups(ours: Sequence[_Taken]) -> list[tuple[str, list[_Taken]]]:
    keys = sorted({(taken.language, taken.kind) for taken in ours})
    return [
        (f"{language}, {kind}", [taken for taken in ours if (taken.language, taken.kind) == (language, kind)])
        for language, kind in keys
    ]


def _three_ways(name: str, group: Sequence[_Taken]) -> list[Measure]:
    return [
        share(f"{name}: right", (_finding(taken, taken.taken_for == taken.language) for taken in group)),
        share(f"{name}: undecided", (_finding(taken, taken.taken_for == UNDECIDED) for taken in group)),
        alarms(f"{name}: wrong", (_finding(taken, _is_wrong(taken)) for taken in group)),
    ]


def _mistaken(rest: Sequence[_Taken], shipped: Sequence[str]) -> Measure:
    return alarms(
        "all others: taken for a language that we ship",
        (_finding(taken, taken.taken_for in shipped) for taken in rest),
    )


def _is_wrong(taken: _Taken) -> bool:
    return taken.taken_for not in (taken.language, UNDECIDED)


def _finding(taken: _Taken, hit: bool) -> Finding:
    return Finding(taken.id, hit, f"{taken.language} taken for {taken.taken_for}")


def _whole_questions(
    rows: EvaluationRows, detector: LanguageDetector, shipped: Sequence[str], watch: Watch
) -> Iterable[Measure]:
    questions = rows.read("xlinghealth", "xlinghealth")
    sentences = rows.read("tico19-multilingual", "tico19")
    for language in shipped:
        asked = [(row, row.text(f"q_{language}")) for row in questions]
        said = [(row, _translation(row, _TICO_TAGS.get(language, language))) for row in sentences]
        for name, texts in (("xlinghealth", asked), ("tico19", said)):
            present = [(row, text) for row, text in texts if text]
            if present:
                taken = [
                    _taken(row.id, name, language, text, detector)
                    for row, text in watch.each(f"language: {name} {language}", present)
                ]
                yield recall(f"{name} {language}: right", (_finding(one, one.taken_for == language) for one in taken))


def _translation(row: Row, tag: str) -> str:
    if tag == "en":
        return row.text("en")
    found = (row["tr"] or {}).get(tag)
    return found if isinstance(found, str) else ""
