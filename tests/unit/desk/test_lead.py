"""The lead's page: numbers that are right, charts with their tables, and an export without identifiers."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

from actions.handoff.case import Case, CaseAct, CaseOpening, CaseReason, CaseState, Outcome, open_from
from bot.desk import charts
from bot.desk.report import CSV_COLUMNS, as_csv, make_report, percentile
from bot.desk.staff import Role, Staff
from careguard.verdict import Level
from tests.unit.desk.desk import Desk

DAY = 86_400.0
NOW = 20_000 * DAY + 43_200.0
TARGETS = {Level.EMERGENCY: 120.0, Level.URGENT: 900.0, Level.NONE: 14_400.0}
ANA = Staff("ana01", "ana", "Ana Ruiz", Role.NURSE, "", languages=("en",))
BEN = Staff("ben02", "ben", "Ben", Role.NURSE, "", languages=("en", "es"))


def a_case(
    number: int,
    *,
    level: Level = Level.NONE,
    reason: CaseReason = CaseReason.ASKED_FOR_PERSON,
    opened: float = NOW - 3600,
    waited: float | None = None,
    holder: Staff = ANA,
    outcome: Outcome | None = None,
    language: str = "en",
) -> Case:
    opening = CaseOpening(
        conversation_id=f"conversation-{number}",
        channel="web",
        level=level,
        reason=reason,
        opened_by_message=f"message-{number}",
        category="=chest_pain",
        language=language,
        country="US",
        summary="the canary sings",
    )
    case = open_from(opening, f"CASE{number}", opened)
    if waited is not None:
        at = opened + waited
        case = replace(case, state=CaseState.CLAIMED, claimed_by=holder.id, claimed_at=at)
        case = case.with_event(at, CaseAct.CLAIMED, by=holder.id).with_event(at + 5, CaseAct.REPLIED, by=holder.id)
    if outcome is not None:
        at = opened + (waited or 0) + 60
        case = replace(case, state=CaseState.RESOLVED, resolved_at=at, outcome=outcome)
        case = case.with_event(at, CaseAct.RESOLVED, by=holder.id, detail=outcome.value)
    return case


CASES = [
    a_case(1, level=Level.EMERGENCY, reason=CaseReason.EMERGENCY, waited=60, outcome=Outcome.SENT_TO_EMERGENCY),
    a_case(2, level=Level.EMERGENCY, reason=CaseReason.EMERGENCY, waited=180, outcome=Outcome.NOTHING_NEEDED),
    a_case(3, level=Level.EMERGENCY, reason=CaseReason.EMERGENCY, opened=NOW - 600),
    a_case(4, waited=100, language="es"),
    a_case(5, waited=200, holder=BEN, language="es", outcome=Outcome.ANSWERED),
    a_case(6, waited=300, holder=BEN, outcome=Outcome.ANSWERED, opened=NOW - 3 * DAY),
    a_case(7, waited=300, outcome=Outcome.ANSWERED, opened=NOW - 40 * DAY),
]


def test_the_report_counts_waits_breaches_reasons_outcomes_and_load() -> None:
    """Each number worked out by hand."""
    report = make_report(CASES, [ANA, BEN], TARGETS, since=NOW - 29 * DAY, now=NOW)
    assert (report.cases, report.resolved, report.nothing_needed) == (6, 4, 1)
    by_level = dict(report.by_level)
    emergency = by_level[Level.EMERGENCY]
    assert (emergency.cases, emergency.claimed, emergency.median_s, emergency.p90_s) == (3, 2, 120.0, 180.0)
    assert emergency.late == 2, "one claimed after 180 s, one that still waits after 600 s"
    routine = by_level[Level.NONE]
    assert (routine.median_s, routine.p90_s, routine.late) == (200.0, 300.0, 0)
    assert by_level[Level.URGENT].median_s is None
    assert report.late == 2
    assert dict(report.by_language)["es"].median_s == 150.0
    assert dict(report.reasons) == {CaseReason.EMERGENCY: 3, CaseReason.ASKED_FOR_PERSON: 3}
    assert dict(report.outcomes)[Outcome.ANSWERED] == 2
    assert (CaseReason.EMERGENCY, 1, 2) in report.for_nothing
    loads = {load.name: (load.claimed, load.replies, load.resolved, load.held) for load in report.load}
    assert loads == {"Ana Ruiz": (3, 3, 2, 1), "Ben": (2, 2, 2, 0)}
    assert report.not_their_language == (("es", 1),)


def test_every_day_is_there_also_the_quiet_ones() -> None:
    """A day without cases is a fact, not a gap."""
    report = make_report(CASES, [ANA], TARGETS, since=NOW - 29 * DAY, now=NOW)
    assert len(report.by_day) == 30
    assert sum(sum(counts.values()) for _, counts in report.by_day) == 6
    assert report.by_day[-1][1][Level.EMERGENCY] == 3
    nothing = make_report([], [], TARGETS, since=NOW, now=NOW)
    assert (nothing.cases, nothing.late, len(nothing.by_day)) == (0, 0, 1)


def test_nine_of_ten_is_the_nearest_rank() -> None:
    """Source: nearest-rank method: the smallest value that at least 90 % do not exceed."""
    assert percentile([float(n) for n in range(1, 11)], 0.9) == 9.0
    assert percentile([5.0], 0.9) == 5.0
    assert percentile([1.0, 2.0], 0.9) == 2.0


def test_the_export_names_nobody() -> None:
    """No id of a case, conversation, message or person, no time of day, no words; and no formula for a spreadsheet."""
    table = as_csv(CASES, TARGETS, since=NOW - 29 * DAY, now=NOW)
    rows = list(csv.DictReader(io.StringIO(table)))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert len(rows) == 6
    for secret in ("CASE1", "conversation-1", "message-1", "ana01", "Ana", "canary", str(int(NOW - 3600))):
        assert secret not in table
    assert rows[1]["waited_s"] == "180"
    assert (rows[1]["late"], rows[1]["outcome"], rows[1]["open_for_s"]) == ("yes", "nothing_needed", "240")
    assert rows[0]["category"] == "'=chest_pain"
    assert rows[0]["opened_on"].count("-") == 2


def test_bars_are_as_long_as_their_numbers() -> None:
    """The longest fills the room, half of it is half as long, nothing is nothing."""
    rows = charts.lying([("a", "4", 4, "plain"), ("b", "2", 2, "plain"), ("c", "0", 0, "plain")]).rows
    assert rows[0].bar.width == 2 * rows[1].bar.width
    assert rows[2].bar.width == 0
    drawn = charts.stacked([("1.", [("none", 1), ("urgent", 3)]), ("2.", [("none", 0), ("urgent", 2)])])
    first, second = drawn.stacks
    assert (drawn.most, first.total, len(second.bars)) == (4, 4, 1)
    assert first.bars[1].height == 3 * first.bars[0].height
    assert first.bars[1].y + first.bars[1].height == first.bars[0].y
    assert charts.stacked([]).stacks == ()
    assert charts.lying([]).rows == ()


async def test_the_lead_sees_today_the_month_and_a_table_beside_each_chart(desk: Desk) -> None:
    """The page is made of the cases themselves; the export is what the page counts, and it is in the log."""
    await desk.add_staff("lea", "Lea", Role.LEAD)
    await desk.open_case("c1", Level.EMERGENCY, CaseReason.EMERGENCY, category="chest_pain")
    second = await desk.open_case("c2", language="es")
    async with desk.browser("ana") as ana:
        await ana.act(f"/cases/{second.id}/claim")
        await ana.act(f"/cases/{second.id}/resolve", outcome="nothing_needed")
        assert (await ana.get("/lead")).status_code == 403
        assert (await ana.get("/lead/cases.csv")).status_code == 403
    async with desk.browser("lea") as lea:
        for path in ("/lead", "/lead?days=1", "/lead?days=x"):
            page = await lea.text(path)
            assert page.count('<svg class="chart"') >= 4
            assert page.count("<table") >= page.count('<svg class="chart"')
            assert "100 % of the resolved" in page
            assert "1 cases in Spanish were taken by somebody who does not write it." in page
            assert "<script" not in page.split("<main")[1].split("</main>")[0]
            assert 'style="' not in page
        export = await lea.get("/lead/cases.csv")
    assert export.headers["content-type"].startswith("text/csv")
    assert "attachment" in export.headers["content-disposition"]
    assert export.headers["cache-control"] == "no-store"
    assert len(export.text.strip().splitlines()) == 3
    assert second.id not in export.text and "c2" not in export.text
    actions = [record.action async for record in desk.services.audit.records()]
    assert "lead.export" in actions


async def test_an_empty_house_has_a_page_too(desk: Desk) -> None:
    """Before the first case, nothing is counted and nothing breaks."""
    await desk.add_staff("lea", "Lea", Role.LEAD)
    async with desk.browser("lea") as lea:
        assert "Nothing to show yet." in await lea.text("/lead")
        for number in range(3):
            await desk.open_case(f"c{number}")
        assert "<dt>Cases</dt><dd>3</dd>" in await lea.text("/lead")
