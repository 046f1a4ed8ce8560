"""`bedside staff`: accounts of the care team."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.data_folder import DataFolder
from bot.desk.staff import Role, StaffRegistry, new_password
from bot.errors import StartError
from bot.plans import addresses
from bot.settings import StackSettings, load_settings
from bot.stack import stack_secrets

words = typer.Typer(
    help="Accounts of the care team.", add_completion=False, rich_markup_mode=None, no_args_is_help=True
)

Result = TypeVar("Result")


@words.command()
def add(
    sign_in: Annotated[str, typer.Argument(help="The name to sign in with.")],
    name: Annotated[str | None, typer.Option(help="The name that colleagues and patients read.")] = None,
    role: Annotated[Role, typer.Option(help="What the person may do.")] = Role.NURSE,
    languages: Annotated[str, typer.Option(help="Languages the person can write, commas between them.")] = "en",
) -> None:
    """Add an account and print its first password."""
    password = new_password()
    tags = [tag.strip() for tag in languages.split(",") if tag.strip()]
    staff = _with_registry(lambda registry: registry.add(sign_in, password, name=name, role=role, languages=tags))
    typer.echo(f"{staff.sign_in} / {password}   (shown only now)")


@words.command("list")
def list_accounts() -> None:
    """List all accounts."""
    for staff in _with_registry(lambda registry: registry.list()):
        state = "  (disabled)" if staff.disabled else ""
        typer.echo(f"{staff.sign_in:<20} {staff.role.value:<16} {','.join(staff.languages):<8} {staff.name}{state}")


@words.command()
def disable(sign_in: Annotated[str, typer.Argument(help="The account's sign-in name.")]) -> None:
    """Afterwards the account cannot sign in, and its open sessions end."""
    staff = _with_registry(lambda registry: registry.disable(sign_in))
    typer.echo(f"{staff.sign_in} is disabled.")


def _with_registry(work: Callable[[StaffRegistry], Awaitable[Result]]) -> Result:
    async def work_in_store() -> Result:
        settings = load_settings(StackSettings)
        folder = DataFolder(settings.data_dir)
        folder.open()
        async with Redis.from_url(
            addresses(settings, stack_secrets(settings, folder)).redis_url, decode_responses=True
        ) as redis:
            try:
                return await work(StaffRegistry(redis))
            except (RedisError, OSError):
                raise StartError("The store does not answer: start Bedside with `bedside up`.") from None

    return asyncio.run(work_in_store())
