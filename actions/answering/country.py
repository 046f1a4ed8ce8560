"""The one word of an answer that depends on the country: the emergency number.

After retrieval: passages leave `{emergency_number}` open, because a wrong number is worse than none.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from careguard.errors import DataFileError
from careguard.strict_yaml import read_yaml

_COUNTRY = re.compile(r"[A-Z]{2}")
_ANYWHERE = "ZZ"
"""ISO 3166 user-assigned code; its file says what to say where the country is not known."""


class EmergencyNumbers:
    """The emergency numbers of all countries that have a file."""

    def __init__(self, locales: Path, default_country: str) -> None:
        self._numbers: dict[str, str] = {}
        for path in sorted((locales / "countries").glob("*.yaml")):
            self._numbers[path.stem] = _read_number(path)
        self._default = default_country

    def number(self, country: str | None) -> str:
        """Return the number of the country, else of the default country, else of the file for anywhere."""
        asked = (country or "").upper()
        for code in (asked if _COUNTRY.fullmatch(asked) else self._default, _ANYWHERE, self._default):
            if code in self._numbers:
                return self._numbers[code]
        # GSM phones route 112 to the local emergency service. Source: 3GPP TS 22.101, section 10.1.1.
        return "112"


def _read_number(path: Path) -> str:
    loaded: Any = read_yaml(path)
    entry = loaded.get("emergency_number") if isinstance(loaded, dict) else None
    number = entry.get("number") if isinstance(entry, dict) else None
    if not isinstance(number, str) or not number.strip():
        raise DataFileError(path, 'emergency_number needs a number in quotes, like {number: "911", …}')
    return number.strip()
