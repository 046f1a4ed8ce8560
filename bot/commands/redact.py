"""`bedside redact`: each text as the model, dialogue and logs may see it."""

from __future__ import annotations

from typing import Any

from bot.commands.jsonl import STANDARD, InputFile, OutputFile, read_text_line, work_on_lines
from careguard.privacy import redact as redact_text


def redact(source: InputFile = STANDARD, target: OutputFile = STANDARD) -> None:
    """Write each text without identifiers, and where they were."""

    def redacted(line: dict[str, Any]) -> dict[str, Any]:
        found = redact_text(read_text_line(line).text)
        return {
            "text": found.text,
            "spans": [{"start": span.start, "end": span.end, "type": span.type} for span in found.spans],
        }

    work_on_lines(source, target, redacted)
