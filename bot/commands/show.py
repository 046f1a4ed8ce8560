"""A reply as the terminal shows it."""

from __future__ import annotations

from typing import Any


def shown(reply: dict[str, Any]) -> str:
    """Return a reply's words, its sources and its buttons, as lines."""
    lines = [reply["text"]]
    lines += [
        f"  [{number}] {_source(citation)}" for number, citation in enumerate(reply.get("citations", []), start=1)
    ]
    lines += [
        f"  ({number}) {button['title']}" for number, button in enumerate(reply.get("quick_replies", []), start=1)
    ]
    return "\n".join(lines)


def _source(citation: dict[str, Any]) -> str:
    return " - ".join(part for part in (citation["publisher"], citation["title"], citation["url"]) if part)
