"""`bedside screen`: the verdict that the bot gives each text."""

from __future__ import annotations

from typing import Any

from bot.commands.jsonl import STANDARD, InputFile, OutputFile, read_text_line, work_on_lines
from bot.settings import StackSettings, load_settings
from careguard.meanings import load_meanings
from careguard.rails import prepare_rails, screen_message
from careguard.rulebook import load_rulebook


def screen(source: InputFile = STANDARD, target: OutputFile = STANDARD) -> None:
    """Write the verdict on each text."""
    settings = load_settings(StackSettings)
    rulebook = load_rulebook(settings.guardrails, settings.locales, settings.languages)
    prepare_rails()
    meanings = load_meanings(settings.guardrails, settings.locales, settings.languages)

    def verdict(line: dict[str, Any]) -> dict[str, Any]:
        text = read_text_line(line).text
        return screen_message(text, rulebook, meanings=meanings).as_json(text)

    work_on_lines(source, target, verdict)
