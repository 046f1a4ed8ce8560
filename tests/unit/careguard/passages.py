"""A passage as review sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class TestedPassage:
    """A passage with a text of its own and everything else filled in."""

    __test__ = False

    text: str
    id: str = "topic/in_short/1"
    topic: str = "topic"
    source_title: str = "Title"
    source_url: str = "https://example.org/topic"
    source_publisher: str = "Test Press"
    reviewed_on: date | None = None
