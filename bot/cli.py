"""The `bedside` command: one module of `bot.commands` for each of its words, read only when that word is used.

Beside the line: what operators type. An error that has a remedy is one sentence and the exit code 2.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click
import typer
from typer.core import TyperGroup

from actions.errors import ActionsError
from bot.errors import BedsideError
from careguard.errors import CareguardError


@dataclass(frozen=True, slots=True)
class Word:
    """One word of the command: what it does, and the `module:name` of its function or of its group of further words."""

    place: str
    does: str


WORDS = {
    "up": Word("bot.commands.run:up", "Set up what has changed, start everything, print the addresses."),
    "down": Word("bot.commands.run:down", "Stop what `up` started."),
    "status": Word("bot.commands.run:status", "Say what is running."),
    "doctor": Word("bot.commands.doctor:doctor", "Say what is wrong and what to do about it."),
    "chat": Word("bot.commands.chat:chat", "Talk to the running stack in the terminal."),
    "ask": Word("bot.commands.ask:ask", "One question, one reply."),
    "converse": Word("bot.commands.converse:converse", "Conversations from a file through the running stack."),
    "screen": Word("bot.commands.screen:screen", "Screen the texts of a file: a verdict each."),
    "answer": Word("bot.commands.answer:answer", "Answer the questions of a file from the reviewed content."),
    "redact": Word("bot.commands.redact:redact", "Remove identifiers from the texts of a file."),
    "language": Word("bot.commands.language:language", "Tell the language of each text of a file."),
    "evaluate": Word("bot.commands.evaluate:evaluate", "Measure on labelled sets, and report against the targets."),
    "knowledge": Word("bot.commands.knowledge:words", "List and check the health content."),
    "staff": Word("bot.commands.staff:words", "Accounts of the care team: add, list, change."),
    "audit": Word("bot.commands.audit:words", "The log of what was done at the care desk: verify, list."),
    "patient": Word("bot.commands.patient:words", "What is kept about one patient: export, erase."),
}
"""In the order of the help."""


class WordsReadWhenUsed(TyperGroup):
    """Shows all words at once, and imports the module of the one that is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the words in the order of the help."""
        return list(WORDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a stand-in that knows its help line; `resolve_command` returns the real one."""
        word = WORDS.get(cmd_name)
        return click.Command(cmd_name, help=word.does) if word else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name, its module imported."""
        name, stand_in, rest = super().resolve_command(ctx, args)
        return name, read_word(name) if name and stand_in else stand_in, rest


def read_word(name: str) -> click.Command:
    """Import a word's module and return its command."""
    module, _, attribute = WORDS[name].place.partition(":")
    found: typer.Typer | Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(name, help=WORDS[name].does)(found)
        found = alone
    return typer.main.get_command(found)


bedside = WordsReadWhenUsed(
    name="bedside",
    help="Bedside: a patient-facing health-education chatbot.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command; what has a remedy becomes one sentence and the exit code 2."""
    try:
        bedside(prog_name="bedside")
    except (BedsideError, ActionsError, CareguardError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
