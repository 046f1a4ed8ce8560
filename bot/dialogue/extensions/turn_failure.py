"""How a failure inside Rasa becomes an error of the turn instead of silence.

Rasa logs and swallows every `Exception` of an action, of the tracker store and of its prediction loop, then saves the
half-done turn and answers 200 with what there is, often nothing. A `BaseException` passes those handlers: the turn
stops, nothing is saved (so the same message can be handled again), and the channel answers with an error.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from rasa.core.actions.action import RemoteAction
from rasa.core.processor import MessageProcessor

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


class TurnFailure(BaseException):
    """The turn cannot be finished; `cause` is the class name of what went wrong, never a text."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


def fails_the_turn(step: Callable[..., Awaitable[Result]]) -> Callable[..., Awaitable[Result]]:
    """Let every exception of `step` stop the turn. The cause's words stay here: they may quote the patient."""

    @functools.wraps(step)
    async def checked(*args: Any, **kwargs: Any) -> Result:
        try:
            return await step(*args, **kwargs)
        except Exception as error:
            raise TurnFailure(type(error).__name__) from None

    return checked


def _too_many_actions(*_: Any) -> None:
    raise TurnFailure("ActionLimitReached")


def never_hide_a_failure() -> None:
    """Make failing actions, and a prediction loop that does not end, fail the turn; asked twice it changes nothing."""
    if getattr(RemoteAction.run, "__wrapped__", None) is not None:
        return
    RemoteAction.run = fails_the_turn(RemoteAction.run)
    make = MessageProcessor.__init__

    @functools.wraps(make)
    def make_and_watch(self: MessageProcessor, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        self.on_circuit_break = _too_many_actions

    MessageProcessor.__init__ = make_and_watch
