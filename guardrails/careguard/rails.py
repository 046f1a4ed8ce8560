"""Runs the rails through guardrails-ai: one guard on what patients write, one on each sentence that leaves.

The only module that imports guardrails-ai, and it closes what that library leaves open: telemetry, downloads, threads
and text kept in memory. The library carries verdicts and never makes them; when it breaks, the rails run without it.
"""

from __future__ import annotations

import logging
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from careguard.meanings import MeaningReader, Meant
from careguard.review import CitedPassage, DraftSentence, review_sentence
from careguard.review_words import ReviewPolicy
from careguard.rulebook import Rulebook
from careguard.screen import screen
from careguard.verdict import Decision, Level, Verdict, failed_verdict

_LOG = logging.getLogger(__name__)
_ENVIRONMENT = {
    # A new event loop, three threads and 350 KB stay behind with every call otherwise.
    "GUARDRAILS_RUN_SYNC": "true",
    # litellm would fetch a price list from the internet on import.
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}


@dataclass(slots=True)
class _Judgement:
    """What a guard is asked to judge, and where it leaves the verdict."""

    judge: Callable[[str], Verdict]
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class _Rails:
    incoming: _Rail
    outgoing: _Rail


_rails: _Rails | None = None
_preparing = threading.Lock()


def prepare_rails() -> bool:
    """Load guardrails-ai and build both guards; return whether they run from now on.

    Takes seconds, so a process calls it once while it starts. Until then, and when it fails, `screen_message` and
    `review_draft_sentence` judge with the same rails directly.
    """
    global _rails
    with _preparing:
        if _rails is not None:
            return True
        try:
            _rails = _build_rails()
        except Exception as error:  # whatever breaks in the library, the rails themselves stand
            _LOG.error("guardrails-ai cannot be used (%s); the rails run without it", type(error).__name__)
            return False
        return True


def screen_message(
    text: str,
    rulebook: Rulebook,
    *,
    earlier: Sequence[str] = (),
    wordings: Verdict | None = None,
    meanings: MeaningReader | None = None,
    on_failed_meaning: Callable[[], None] = lambda: None,
) -> Verdict:
    """Return the verdict on what a patient wrote; never raises and is never less strict than `screen`.

    Args:
        text: The message as the patient wrote it.
        rulebook: The loaded rules.
        earlier: The patient's messages before it in this episode, oldest first.
        wordings: The verdict of `screen` on the same, where it is already there.
        meanings: Reads what no wording fits; takes tens of milliseconds, and lets other threads run meanwhile.
        on_failed_meaning: Called when that breaks; the verdict of the wordings stands then.
    """
    # Read before the guard, which takes one message at a time.
    meant: Sequence[Meant] = ()
    if meanings is not None:
        wordings = wordings or screen(text, rulebook, earlier=earlier)
        if wordings.level is not Level.EMERGENCY:
            meant = _read_meanings(text, rulebook, earlier, meanings, on_failed_meaning)
    return _judged(
        _rails.incoming if _rails is not None else None,
        text,
        lambda said: screen(said, rulebook, earlier=earlier, meanings=meant),
    )


def _read_meanings(
    text: str,
    rulebook: Rulebook,
    earlier: Sequence[str],
    meanings: MeaningReader,
    on_failed_meaning: Callable[[], None],
) -> Sequence[Meant]:
    try:
        return meanings.find(text, rulebook, earlier)
    except Exception as error:  # the second look may be missing; the first one stands
        _LOG.error("meaning cannot be read (%s); the wordings stand", type(error).__name__)
        on_failed_meaning()
        return ()


def review_draft_sentence(
    sentence: DraftSentence, passages: Sequence[CitedPassage], language: str, policy: ReviewPolicy
) -> Verdict:
    """Return whether the sentence may be shown; never raises, and what breaks is refused and marked as failed."""
    rail = _rails.outgoing if _rails is not None else None
    try:
        return _judged(rail, sentence.text, lambda _: review_sentence(sentence, passages, language, policy))
    except Exception:  # the last fence: a sentence whose review broke in any way is not shown
        return failed_verdict()


def _judged(rail: _Rail | None, text: str, judge: Callable[[str], Verdict]) -> Verdict:
    if rail is None:
        return judge(text)
    judgement = _Judgement(judge)
    try:
        passed = rail.passes(text, judgement)
    except Exception as error:
        _LOG.error("guardrails-ai failed (%s); judged without it", type(error).__name__)
        return judge(text)
    verdict = judgement.verdict
    if verdict is None:
        return judge(text)
    if passed != (verdict.decision is Decision.ALLOW and not verdict.failed):
        # The library and the rail disagree: something between them broke, and doubt does not pass.
        return verdict if verdict.decision is not Decision.ALLOW else failed_verdict()
    return verdict


class _Rail:
    """One guard of the library around one judge of ours."""

    def __init__(self, guard: Any) -> None:
        self._guard = guard
        # Its history is shared by all threads; it is emptied before the next one may add to it.
        self._one_at_a_time = threading.Lock()

    def passes(self, text: str, judgement: _Judgement) -> bool:
        """Have the guard judge the text, leave the verdict in `judgement`, and return whether it passed."""
        with self._one_at_a_time:
            try:
                outcome = self._guard.validate(text, metadata={"judgement": judgement})
                return bool(outcome.validation_passed)
            finally:
                self._guard.history.clear()


def _build_rails() -> _Rails:
    os.environ.update(_ENVIRONMENT)
    with _quiet_import():
        from guardrails.classes.rc import RC  # noqa: PLC0415
        from guardrails.validator_base import FailResult, PassResult  # noqa: PLC0415

        # mypy sees our folder of this name and not the library.
        from guardrails import Guard, Validator, register_validator, settings  # type: ignore[attr-defined]  # noqa: PLC0415
        from guardrails import logger as library_log  # type: ignore[attr-defined]  # noqa: PLC0415

        # It reads ~/.guardrailsrc again for every guard and reports by default; this holds whatever HOME is.
        RC.load = classmethod(lambda cls, logger=None: cls(enable_metrics=False))
        settings.rc = RC.load()
        settings.disable_tracing = True
        # Its log handler keeps every record in memory.
        library_log.set_level(logging.CRITICAL)

        class _JudgedByCareguard(Validator):  # type: ignore[misc]  # the library has no types
            def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
                judgement: _Judgement = metadata["judgement"]
                verdict = judgement.judge(str(value))
                judgement.verdict = verdict
                if verdict.decision is Decision.ALLOW and not verdict.failed:
                    return PassResult()
                # The library reports and records this message: it names rules and never the words.
                fired = ", ".join(rule.id for rule in verdict.rules) or ("failed" if verdict.failed else "refused")
                return FailResult(error_message=f"not allowed: {fired}")

        def rail(name: str) -> _Rail:
            validator = register_validator(name=f"careguard/{name}", data_type="string")(
                type(f"Careguard{name.title()}", (_JudgedByCareguard,), {})
            )
            # "noop" leaves the text alone and reports; what follows from a verdict is decided by us. 0 would mean 10.
            guard = Guard(name=f"careguard-{name}", history_max_length=1).use(validator(on_fail="noop"))
            guard.configure(allow_metrics_collection=False)
            return _Rail(guard)

        rails = _Rails(incoming=rail("screen"), outgoing=rail("review"))
        # The first validation builds what the library keeps; it happens here and not under a patient's message.
        for each in (rails.incoming, rails.outgoing):
            each.passes("ready", _Judgement(lambda _: failed_verdict()))
        return rails


@contextmanager
def _quiet_import() -> Iterator[None]:
    """Keep the library from downloading, from warning, and from installing a log handler while it loads."""
    import nltk  # noqa: PLC0415 - only the library needs it

    root = logging.getLogger()
    placeholder = logging.NullHandler()
    root.addHandler(placeholder)
    download, nltk.download = nltk.download, lambda *_, **__: False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        nltk.download = download
        root.removeHandler(placeholder)
