"""`bedside language`: which language the bot takes each text for."""

from __future__ import annotations

from typing import Any

from bot.commands.jsonl import STANDARD, InputFile, OutputFile, read_text_line, work_on_lines
from bot.gateway.language import LanguageDetector
from bot.settings import StackSettings, load_settings

UNDETERMINED = "und"
"""The BCP 47 tag for a text that does not tell its language, when the line names none that would stay."""


def language(source: InputFile = STANDARD, target: OutputFile = STANDARD) -> None:
    """Write the language of each text, and how sure it is; a text that does not tell keeps the line's `language`."""
    detector = LanguageDetector(load_settings(StackSettings).languages)

    def detected(line: dict[str, Any]) -> dict[str, Any]:
        read = read_text_line(line)
        found = detector.detect(read.text)
        return {"language": found.language or read.language or UNDETERMINED, "confidence": round(found.confidence, 4)}

    work_on_lines(source, target, detected)
