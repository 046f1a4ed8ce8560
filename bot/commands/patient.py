"""`bedside patient`: what is kept about one patient, given out or erased."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from redis.asyncio import Redis
from redis.exceptions import RedisError

from actions.handoff.errors import CaseNotFoundError
from bot.data_folder import DataFolder
from bot.desk.audit import OPERATOR, AuditLog
from bot.errors import ConversationError, StartError
from bot.gateway.app import build_services
from bot.gateway.record import erase_record, export_record
from bot.gateway.services import Services
from bot.plans import addresses
from bot.settings import StackSettings, load_settings
from bot.stack import check_gateway_settings, stack_secrets

words = typer.Typer(
    help="What is kept about one patient.", add_completion=False, rich_markup_mode=None, no_args_is_help=True
)

Who = Annotated[str, typer.Argument(help="The conversation's id, or the id of one of its cases as the desk shows it.")]
Result = TypeVar("Result")


@words.command()
def export(
    who: Who, target: Annotated[Path, typer.Option("--output", help="The file to write; it must not exist yet.")]
) -> None:
    """Write everything kept about the patient, in clear, into a file that only this account can read."""
    if target.exists():
        raise StartError(f"{target} exists already: name a new file.")
    record = _with_services(lambda services, audit: _found(services, audit, who, "patient.export", export_record))
    target.touch(mode=0o600)
    target.write_text(json.dumps(record, ensure_ascii=False, indent=2, default=list), encoding="utf-8")
    typer.echo(f"{len(record['messages'])} messages and {len(record['cases'])} cases are in {target}.")


@words.command()
def erase(
    who: Who, yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether this is meant.")] = False
) -> None:
    """Delete everything kept about the patient: messages, answers, cases, tracker, and the conversation itself."""
    if not yes:
        typer.confirm("This cannot be undone. Delete everything kept about this patient?", abort=True)
    deleted = _with_services(lambda services, audit: _found(services, audit, who, "patient.erase", erase_record))
    typer.echo(f"Erased: {deleted} keys are gone.")


async def _found(
    services: Services, audit: AuditLog, who: str, action: str, work: Callable[[Services, str], Awaitable[Result]]
) -> Result:
    try:
        case = await services.cases.get(who)
    except CaseNotFoundError:
        conversation_id, case_id = who, ""
    else:
        conversation_id, case_id = case.conversation_id, case.id
    # The conversation itself is not named: after an erasure nothing may point to it.
    await audit.record(OPERATOR, action, case_id=case_id)
    try:
        return await work(services, conversation_id)
    except ConversationError:
        raise StartError(
            "There is no such case or conversation: take the id from the case's page at the desk."
        ) from None


def _with_services(work: Callable[[Services, AuditLog], Awaitable[Result]]) -> Result:
    async def work_in_store() -> Result:
        settings = load_settings(StackSettings)
        folder = DataFolder(settings.data_dir)
        folder.open()
        secrets = stack_secrets(settings, folder)
        at = addresses(settings, secrets)
        async with Redis.from_url(at.redis_url, decode_responses=True) as redis:
            services = build_services(check_gateway_settings(settings, at, secrets), redis)
            try:
                return await work(services, AuditLog(redis, secrets.data_key))
            except (RedisError, OSError):
                raise StartError("The store does not answer: start it with `bedside up`.") from None
            finally:
                await services.dialogue.close()
                await services.answering.close()

    return asyncio.run(work_in_store())
