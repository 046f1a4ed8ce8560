"""`bedside audit`: whether the log of the care desk is whole, and what stands in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.commands.staff import DeskFromOutside, with_desk
from bot.data_folder import write_private
from bot.desk.audit import AuditLog, AuditRecord, Seen
from bot.desk.staff import StaffRegistry

words = typer.Typer(
    help="The log of what was done at the care desk.", add_completion=False, rich_markup_mode=None, no_args_is_help=True
)


@words.command()
def verify() -> None:
    """Find records that were changed, removed, added or moved. Exit code 1 when there are any.

    What was found whole is remembered in the data folder, outside the store, so that a log which was put back to an
    earlier state is found the next time.
    """
    verification, remembered = with_desk(_verify)
    for finding in verification:
        typer.echo(f"{finding[:1].upper()}{finding[1:]}.")
    if verification:
        typer.echo("The audit log is not what was written.")
        raise typer.Exit(1)
    typer.echo(f"The audit log is whole: {remembered} records.")


@words.command("list")
def list_records(
    newest: Annotated[int, typer.Option(min=1, help="How many records, counted from the end.")] = 50,
    case: Annotated[str, typer.Option(help="Only records of this case.")] = "",
    who: Annotated[str, typer.Option(help="Only what the account with this sign-in name did.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One record as JSON on each line.")] = False,
) -> None:
    """List the newest records, the oldest of them first."""
    for line in with_desk(lambda desk: _lines(desk.audit, desk.staff, newest, case, who, as_json)):
        typer.echo(line)


async def _verify(desk: DeskFromOutside) -> tuple[list[str], int]:
    kept = desk.folder / "audit_seen.json"
    verification = await desk.audit.verify(_seen(kept))
    if verification.is_whole and verification.seen is not None:
        write_private(kept, json.dumps({"number": verification.seen.number, "mark": verification.seen.mark}))
    return [str(finding) for finding in verification.findings], verification.records


def _seen(kept: Path) -> Seen | None:
    try:
        data = json.loads(kept.read_text(encoding="utf-8"))
        return Seen(int(data["number"]), str(data["mark"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


async def _lines(log: AuditLog, staff: StaffRegistry, newest: int, case: str, who: str, as_json: bool) -> list[str]:
    names = {account.id: account.sign_in for account in await staff.list()}
    found = [
        record
        async for record in log.records()
        if case in ("", record.case_id) and who in ("", names.get(record.who, record.who))
    ]
    return [_json(record) if as_json else _words(record, names) for record in found[-newest:]]


def _json(record: AuditRecord) -> str:
    return json.dumps(record.as_json() | {"mark": record.mark})


def _words(record: AuditRecord, names: dict[str, str]) -> str:
    at = datetime.fromtimestamp(record.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    about = names.get(record.about, record.about)
    more = " ".join(filter(None, (record.case_id and f"case {record.case_id}", about, record.detail)))
    who = names.get(record.who, record.who)
    return f"{record.number:>7}  {at}  {who:<16} {record.action:<28} {more}  {record.address}".rstrip()
