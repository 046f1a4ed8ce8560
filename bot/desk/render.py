"""Turns what the desk knows into HTML: one Jinja environment, everything escaped, no inline script or style."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from bot.desk import roles, words
from bot.desk.tongue import spoken, t

FOLDER = Path(__file__).parent


def make_environment(base_path: str) -> Environment:
    """Return the environment of all desk pages; `base` in them is where the desk is mounted."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals |= {
        "base": base_path,
        "words": words,
        "roles": roles,
        "static_version": _static_version(),
        "_": t,
        "spoken": spoken,
    }
    return environment


class Renderer:
    """Renders the desk's pages."""

    def __init__(self, base_path: str) -> None:
        self._environment = make_environment(base_path)

    def page(self, template: str, /, status: int = 200, **values: Any) -> HTMLResponse:
        """Return the page made of that template."""
        return HTMLResponse(self._environment.get_template(template).render(values), status_code=status)


def _static_version() -> str:
    """Changes whenever a static file does, so that browsers never mix an old script with a new page."""
    newest = max(path.stat().st_mtime_ns for path in (FOLDER / "static").iterdir())
    return format(newest, "x")
