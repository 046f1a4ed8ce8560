"""guardrails-ai carries the verdicts: it sends nothing out, keeps nothing, and never makes a rail less strict."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from careguard import rails
from careguard.review import DraftSentence
from careguard.review_words import load_review_policy
from careguard.screen import screen
from careguard.verdict import ALLOWED, Decision, Level, Verdict, failed_verdict
from tests.rulebook import shipped_rulebook

from .passages import TestedPassage

ROOT = Path(__file__).resolve().parents[3]
RULEBOOK = shipped_rulebook()
POLICY = load_review_policy(ROOT / "guardrails", ROOT / "locales", ("en", "es"))
PASSAGE = TestedPassage("Sunburn often heals in about a week.")


class StandInGuard(rails._Rail):
    """A guard that does with a judgement what the library might."""

    def __init__(self, passes: bool = True, judges: bool = True, breaks: bool = False) -> None:
        self._answer, self._judges, self._breaks = passes, judges, breaks

    def passes(self, text: str, judgement: rails._Judgement) -> bool:
        if self._judges:
            judgement.verdict = judgement.judge(text)
        if self._breaks:
            raise RuntimeError(f"the library broke over {text}")
        return self._answer


def with_guard(monkeypatch: pytest.MonkeyPatch, guard: StandInGuard) -> None:
    monkeypatch.setattr(rails, "_rails", rails._Rails(incoming=guard, outgoing=guard))


EMERGENCY = "I have crushing chest pain"


@pytest.mark.parametrize(
    "guard",
    [
        StandInGuard(passes=True),
        StandInGuard(passes=False),
        StandInGuard(judges=False),
        StandInGuard(breaks=True),
        StandInGuard(judges=False, breaks=True),
    ],
    ids=["lets everything pass", "agrees", "never judges", "breaks afterwards", "breaks before"],
)
def test_whatever_the_library_does_an_emergency_stays_one(guard: StandInGuard, monkeypatch: pytest.MonkeyPatch) -> None:
    with_guard(monkeypatch, guard)
    assert rails.screen_message(EMERGENCY, RULEBOOK).level is Level.EMERGENCY


def test_when_the_library_refuses_what_the_rail_allows_nothing_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    with_guard(monkeypatch, StandInGuard(passes=False))
    assert rails.screen_message("What is sunburn?", RULEBOOK) == failed_verdict()


def test_without_the_library_the_rails_judge_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rails, "_rails", None)
    assert rails.screen_message(EMERGENCY, RULEBOOK) == screen(EMERGENCY, RULEBOOK)
    assert review("Sunburn often heals in about a week.") == ALLOWED


def test_what_was_said_before_is_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rails, "_rails", None)
    assert rails.screen_message("it hurts a lot", RULEBOOK, earlier=["my chest"]).level is Level.EMERGENCY


def review(text: str) -> Verdict:
    return rails.review_draft_sentence(DraftSentence(text, (PASSAGE.id,)), [PASSAGE], "en", POLICY)


def test_a_sentence_that_is_not_carried_is_refused_with_or_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    for guard in (None, StandInGuard(passes=True), StandInGuard(breaks=True)):
        monkeypatch.setattr(rails, "_rails", None if guard is None else rails._Rails(guard, guard))
        assert review("Sunburn never heals.").decision is Decision.REFUSE


def test_a_library_that_cannot_be_loaded_is_said_once_and_done_without(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unloadable() -> rails._Rails:
        raise ImportError("no such library")

    monkeypatch.setattr(rails, "_rails", None)
    monkeypatch.setattr(rails, "_build_rails", unloadable)
    assert rails.prepare_rails() is False
    assert "ImportError" in caplog.text
    assert rails.screen_message(EMERGENCY, RULEBOOK).level is Level.EMERGENCY


REAL = """
import json, logging, socket, sys, threading
looked_up = []
def getaddrinfo(*arguments, **_):
    looked_up.append(str(arguments[0]))
    raise OSError("no network here")
socket.getaddrinfo = getaddrinfo
socket.gethostbyname = socket.gethostbyname_ex = socket.create_connection = getaddrinfo
logging.basicConfig(level=logging.DEBUG, filename=sys.argv[1], force=True)
from pathlib import Path
from careguard import rails
from careguard.review import DraftSentence
from careguard.review_words import load_review_policy
from careguard.rulebook import load_rulebook
sys.path.insert(0, sys.argv[2])
from tests.unit.careguard.passages import TestedPassage
root = Path(sys.argv[2])
book = load_rulebook(root / "guardrails", root / "locales")
policy = load_review_policy(root / "guardrails", root / "locales", ("en", "es"))
passage = TestedPassage("Sunburn often heals in about a week.")
def draft(text):
    return rails.review_draft_sentence(DraftSentence(text, (passage.id,)), [passage], "en", policy)
loaded_early = "guardrails" in sys.modules
prepared = rails.prepare_rails()
import guardrails
def resident_mb():
    pages = int(Path("/proc/self/statm").read_text().split()[1]) if Path("/proc/self/statm").exists() else 0
    return pages * 4096 / 1e6
screened = [rails.screen_message(text, book).level.value for text in ("CANARY hello", "CANARY I cannot breathe")]
reviewed = [draft(text).decision.value for text in ("Sunburn often heals in about a week.", "CANARY never heals.")]
seen = []
class Watched:
    def __init__(self, guard):
        self.guard, self.history = guard, guard.history
    def validate(self, *arguments, **named):
        outcome = self.guard.validate(*arguments, **named)
        seen.append(str([summary.failure_reason for summary in outcome.validation_summaries]))
        return outcome
plain = rails._rails.incoming._guard
rails._rails.incoming._guard = Watched(plain)
rails.screen_message("CANARY I cannot breathe", book)
rails._rails.incoming._guard = plain
for n in range(200):
    rails.screen_message(f"CANARY question {n}", book)
    draft(f"CANARY draft {n}.")
before, threads = resident_mb(), threading.active_count()
for n in range(8000):
    rails.screen_message(f"CANARY what is sunburn {n}", book)
for n in range(2000):
    draft(f"CANARY sunburn often heals in about a week {n}.")
print(json.dumps({
    "loaded_early": loaded_early, "prepared": prepared, "screened": screened, "reviewed": reviewed,
    "looked_up": looked_up, "threads": threading.active_count() - threads, "grown_mb": resident_mb() - before,
    "history": len(rails._rails.incoming._guard.history) + len(rails._rails.outgoing._guard.history),
    "error_messages": seen,
    "library": guardrails.__file__, "kept_logs": len(logging.getLogger("guardrails-ai").handlers[0].get_all_logs()),
}))
"""


@pytest.mark.timeout(400)
def test_the_real_library_sends_nothing_out_and_keeps_nothing_over_ten_thousand_calls(tmp_path: Path) -> None:
    """Every look-up of a host fails here and nothing breaks; memory stays within a bound, and so do threads."""
    home = tmp_path / "home"
    home.mkdir()
    log = tmp_path / "everything.log"
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "GUARDRAILS_", "LITELLM_"))
    } | {"HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", REAL, str(log), str(ROOT)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    import json

    told = json.loads(done.stdout.splitlines()[-1])
    assert not told["loaded_early"], "importing the rails must not load the library"
    assert told["prepared"]
    assert told["screened"] == ["none", "emergency"]
    assert told["reviewed"] == ["allow", "refuse"]
    assert told["looked_up"] == []
    assert told["threads"] <= 0
    assert told["grown_mb"] < 20
    assert told["history"] == 0
    assert told["kept_logs"] == 0
    assert "not allowed" in told["error_messages"][0]
    assert "CANARY" not in str(told["error_messages"])
    assert "site-packages" in told["library"]
    assert "CANARY" not in log.read_text(encoding="utf-8"), "no patient's words in any log, at any level"
