"""The redaction suite: which identifiers are masked, and how much harmless text goes with them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from bot.evaluation.measure import Finding, Measure, Section, Target, alarms, at_least, at_most, recall, share
from bot.evaluation.progress import Watch
from bot.evaluation.rows import EvaluationRows, Row, without_repeats
from careguard.privacy import RedactedSpan, redact

MASKED = at_least(0.97)
HARMLESS_MASKED = at_most(0.02)

WITH_TARGET = frozenset(
    {
        "NAME",
        "PERSON",
        "PHONE_NUMBER",
        "EMAIL_ADDRESS",
        "MEDICAL_RECORD_NUMBER",
        "HEALTH_PLAN_BENEFICIARY_NUMBER",
        "SOCIAL_SECURITY_NUMBER",
        "US_SSN",
        "UNIQUE_IDENTIFIER",
        "ACCOUNT_NUMBER",
        "CREDIT_CARD",
        "IBAN_CODE",
        "DATE_OF_BIRTH",
    }
)
"""Types that must go: names, telephones, e-mails, ids and cards, dates of birth. The other types are shown beside
them: a place, an employer or the date of a visit alone is not masked."""

_SETS = (("asq-phi", "asq_phi"), ("presidio-synth", "presidio"))
_Found = Mapping[str, Sequence[RedactedSpan]]


def evaluate_redaction(rows: EvaluationRows, watch: Watch) -> list[Section]:
    """Return the share of identifiers that a mask touches, by type, and of rows without any that are masked."""
    sections = []
    harmless: list[Measure] = []
    for set_name, stem in _SETS:
        read = rows.read(set_name, stem)
        found = {row.id: redact(row.text("text")).spans for row in watch.each(f"redaction: {set_name}", read)}
        sections.append(_by_type(set_name, read, found))
        harmless.append(_harmless(set_name, [row for row in read if not row["spans"]], found, HARMLESS_MASKED))
    harmless += _plain_questions(rows, watch)
    sections.append(
        Section(
            "Rows without identifiers that are masked all the same",
            tuple(harmless),
            note="Plain questions have no labels: a mask there may be right. They show the size of it.",
        )
    )
    return sections


def _by_type(set_name: str, rows: Sequence[Row], found: _Found) -> Section:
    findings: dict[str, list[Finding]] = defaultdict(list)
    for row in rows:
        for span in row["spans"] or ():
            if span["start"] >= 0:
                findings[span["type"]].append(_finding(row, span, found[row.id]))
    asked = [kind for kind in sorted(findings) if kind in WITH_TARGET]
    others = [kind for kind in sorted(findings) if kind not in WITH_TARGET]
    pooled = [finding for kind in asked for finding in findings[kind]]
    return Section(
        f"Identifiers masked, {set_name}",
        (
            recall("all that must go", pooled, MASKED),
            *(recall(kind, findings[kind], MASKED) for kind in asked),
            *(share(f"{kind} (not asked for)", findings[kind]) for kind in others),
        ),
        note="A hit is an identifier that a mask touches, whatever type the mask gives it.",
    )


def _finding(row: Row, span: Mapping[str, object], masks: Iterable[RedactedSpan]) -> Finding:
    start, end = span["start"], span["end"]
    assert isinstance(start, int)
    assert isinstance(end, int)
    touched = any(mask.start < end and start < mask.end for mask in masks)
    return Finding(row.id, touched, f"{span['type']} stays")


def _harmless(name: str, rows: Sequence[Row], found: _Found, target: Target | None = None) -> Measure:
    return alarms(
        name,
        (
            Finding(row.id, bool(found[row.id]), ", ".join(sorted({span.type for span in found[row.id]})))
            for row in rows
        ),
        target,
    )


def _plain_questions(rows: EvaluationRows, watch: Watch) -> Iterable[Measure]:
    for name, stem, field in (
        ("k-qa", "kqa_questions", "question"),
        ("aaq-maternal-urgency", "aaq_urgency", "text"),
        ("clinc150", "clinc", "text"),
    ):
        read = without_repeats(rows.read(name, stem), field)
        found = {row.id: redact(row.text(field)).spans for row in watch.each(f"redaction: {name}", read)}
        yield _harmless(f"{name} (no labels)", read, found)
