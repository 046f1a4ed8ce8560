"""`bedside staff`: accounts of the care team."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from redis.asyncio import Redis
from redis.exceptions import RedisError

from actions.vault import Vault
from bot.data_folder import DataFolder
from bot.desk.audit import OPERATOR, AuditLog
from bot.desk.second_factor import SecondFactors
from bot.desk.staff import DEFAULT_CAPACITY, MOST_CAPACITY, Role, Staff, StaffRegistry, new_password
from bot.errors import StartError
from bot.plans import addresses
from bot.settings import StackSettings, load_settings
from bot.stack import stack_secrets

words = typer.Typer(
    help="Accounts of the care team.", add_completion=False, rich_markup_mode=None, no_args_is_help=True
)

Result = TypeVar("Result")
SignIn = Annotated[str, typer.Argument(help="The account's sign-in name.")]


@dataclass(frozen=True, slots=True)
class DeskFromOutside:
    """What a command needs of the desk."""

    staff: StaffRegistry
    factors: SecondFactors
    audit: AuditLog
    folder: Path


@words.command()
def add(
    sign_in: Annotated[str, typer.Argument(help="The name to sign in with.")],
    name: Annotated[str | None, typer.Option(help="The name that colleagues and patients read.")] = None,
    role: Annotated[Role, typer.Option(help="What the person may do.")] = Role.NURSE,
    languages: Annotated[str, typer.Option(help="Languages the person can write, commas between them.")] = "en",
    skills: Annotated[str, typer.Option(help="What the person knows best, commas between them.")] = "",
    teams: Annotated[str, typer.Option(help="Teams of the person, commas between them; none means all.")] = "",
    capacity: Annotated[
        int, typer.Option(min=0, max=MOST_CAPACITY, help="How many cases the person holds at most.")
    ] = DEFAULT_CAPACITY,
    open_id: Annotated[str, typer.Option(help="What the organisation's own sign-in calls the person.")] = "",
) -> None:
    """Add an account and print its first password, which the person changes at the first sign-in."""
    password = new_password()

    async def work(desk: DeskFromOutside) -> Staff:
        added = await desk.staff.add(
            sign_in,
            password,
            name=name,
            role=role,
            languages=_split(languages),
            skills=_split(skills),
            teams=_split(teams),
            capacity=capacity,
            must_change_password=True,
            open_id=open_id,
        )
        await desk.audit.record(OPERATOR, "people.add", about=added.id, detail=role.value)
        return added

    staff = with_desk(work)
    typer.echo(f"{staff.sign_in} / {password}   (shown only now)")


@words.command("list")
def list_accounts() -> None:
    """List all accounts: role, languages, skills, how many cases at most, and the name."""

    async def work(desk: DeskFromOutside) -> list[tuple[Staff, bool]]:
        return [(staff, await desk.factors.is_set_up(staff.id)) for staff in await desk.staff.list()]

    for staff, factor in with_desk(work):
        notes = [
            *(["teams " + ",".join(staff.teams)] if staff.teams else []),
            *(["second factor"] if factor else []),
            *(["by the organisation's sign-in"] if staff.open_id_subject else []),
            *(["first password"] if staff.must_change_password else []),
            *(["disabled"] if staff.disabled else []),
        ]
        state = f"  ({'; '.join(notes)})" if notes else ""
        typer.echo(
            f"{staff.sign_in:<20} {staff.role.value:<16} {','.join(staff.languages) or '-':<8} "
            f"{','.join(staff.skills) or '-':<20} {staff.capacity:>3}  {staff.name}{state}"
        )


@words.command()
def change(
    sign_in: SignIn,
    name: Annotated[str | None, typer.Option(help="The name that colleagues and patients read.")] = None,
    role: Annotated[Role | None, typer.Option(help="What the person may do.")] = None,
    languages: Annotated[str | None, typer.Option(help="Languages the person can write.")] = None,
    skills: Annotated[str | None, typer.Option(help="What the person knows best.")] = None,
    teams: Annotated[str | None, typer.Option(help="Teams of the person; none means all.")] = None,
    capacity: Annotated[
        int | None, typer.Option(min=0, max=MOST_CAPACITY, help="How many cases the person holds at most.")
    ] = None,
    open_id: Annotated[str | None, typer.Option(help="What the organisation's own sign-in calls the person.")] = None,
) -> None:
    """Afterwards the account has what was named; the rest stays."""
    traits: dict[str, Any] = {"name": name, "role": role, "capacity": capacity, "open_id": open_id}
    lists = {"languages": languages, "skills": skills, "teams": teams}
    traits |= {key: _split(value) for key, value in lists.items() if value is not None}
    given = {key: value for key, value in traits.items() if value is not None}
    _act(sign_in, "people.change", lambda desk: desk.staff.change(sign_in, **given))
    typer.echo(f"{sign_in} is changed.")


@words.command()
def disable(sign_in: SignIn) -> None:
    """Afterwards the account cannot sign in, and its open sessions end."""
    staff = _act(sign_in, "people.disable", lambda desk: desk.staff.disable(sign_in))
    typer.echo(f"{staff.sign_in} is disabled.")


@words.command()
def enable(sign_in: SignIn) -> None:
    """Afterwards the account can sign in again."""
    staff = _act(sign_in, "people.enable", lambda desk: desk.staff.enable(sign_in))
    typer.echo(f"{staff.sign_in} is enabled.")


@words.command()
def password(sign_in: SignIn) -> None:
    """Set and print a new first password, which the person changes at the next sign-in."""
    fresh = new_password()
    staff = _act(sign_in, "people.password", lambda desk: desk.staff.set_password(sign_in, fresh, must_change=True))
    typer.echo(f"{staff.sign_in} / {fresh}   (shown only now)")


@words.command("remove-second-factor")
def remove_second_factor(sign_in: SignIn) -> None:
    """Afterwards signing in asks the account for no code, until its person sets up a new one."""

    async def work(desk: DeskFromOutside) -> None:
        staff = await desk.staff.find(sign_in)
        if staff is not None:
            await desk.factors.remove(staff.id)

    _act(sign_in, "people.second_factor.remove", work)
    typer.echo(f"{sign_in} signs in without a code until a new second factor is set up.")


def _act(sign_in: str, action: str, work: Callable[[DeskFromOutside], Awaitable[Result]]) -> Result:
    """Do it to an account that exists, with a record before."""

    async def recorded(desk: DeskFromOutside) -> Result:
        staff = await desk.staff.find(sign_in)
        if staff is None:
            raise StartError(f"There is no account with the sign-in name {sign_in}: see `bedside staff list`.")
        await desk.audit.record(OPERATOR, action, about=staff.id)
        return await work(desk)

    return with_desk(recorded)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def with_desk(work: Callable[[DeskFromOutside], Awaitable[Result]]) -> Result:
    """Return what the work returns, done with the accounts and the audit log of the running store.

    Raises:
        StartError: the store does not answer.
    """

    async def work_in_store() -> Result:
        settings = load_settings(StackSettings)
        folder = DataFolder(settings.data_dir)
        folder.open()
        secrets = stack_secrets(settings, folder)
        async with Redis.from_url(addresses(settings, secrets).redis_url, decode_responses=True) as redis:
            desk = DeskFromOutside(
                staff=StaffRegistry(redis),
                factors=SecondFactors(redis, Vault(secrets.data_key)),
                audit=AuditLog(redis, secrets.data_key),
                folder=folder.path,
            )
            try:
                return await work(desk)
            except (RedisError, OSError):
                raise StartError("The store does not answer: start Bedside with `bedside up`.") from None

    return asyncio.run(work_in_store())
