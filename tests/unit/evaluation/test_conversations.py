"""The conversations suite: scripts that can be trusted, and a judge that names what does not hold."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from actions.answering.topic import load_topics
from bot.evaluation.conversations import Reply, Script, Turn, evaluate_conversations, load_scripts, problems
from bot.evaluation.own_stack import _environment
from bot.evaluation.progress import SilentWatch
from bot.evaluation.suites import SUITES
from bot.settings import REPOSITORY
from careguard.errors import DataFileError

LANGUAGES = ("en", "es")


@pytest.fixture(scope="module")
def scripts() -> list[Script]:
    return load_scripts()


def answer(*passages: str, language: str = "en") -> dict[str, Any]:
    return {"kind": "answer", "language": language, "sentences": [{"text": "x", "citations": list(passages)}]}


def test_there_are_forty_scripts_in_both_languages_on_every_kind_of_context(scripts: list[Script]) -> None:
    assert len(scripts) == 40
    assert {script.about for script in scripts} == {
        "pronouns", "change and return", "correction", "child or adult", "language switch", "follow-up",
        "thanks, then a question", "emergency in the middle", "played down afterwards",
    }  # fmt: skip
    assert sum(script.language == "es" for script in scripts) >= 10
    assert all(len(script.turns) >= 2 for script in scripts)


def test_every_topic_and_passage_that_a_script_names_is_there_in_its_language(scripts: list[Script]) -> None:
    known: dict[str, set[str]] = {language: set() for language in LANGUAGES}
    for topic in load_topics(REPOSITORY / "locales", LANGUAGES):
        for passage in topic.passages:
            known[topic.language] |= {topic.id, passage.id.rpartition("/")[0], passage.id}
    for script in scripts:
        for turn in script.turns:
            named = {*turn.topics, *turn.cites, *turn.cites_one, *turn.never}
            assert named <= known[turn.language], (script.id, named - known[turn.language])


def test_a_turn_in_which_all_holds_has_no_problem() -> None:
    turn = Turn(
        "?", ("answer",), "en", ("flu",), cites=("flu/in_short",), cites_one=("flu/in_short/2", "flu/what_it_is/1")
    )
    assert problems(turn, answer("flu/in_short/2")) == []


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ({"error": "no reply came"}, "no reply"),
        ({"kind": "clarify", "language": "en"}, "clarify instead of answer"),
        (answer("flu/in_short/1", language="es"), "in es instead of en"),
        (answer("asthma/in_short/1"), "from asthma instead of flu"),
        (answer("flu/see_someone/1"), "without flu/in_short"),
        (answer("flu/in_short/1", "asthma/in_short/1"), "with asthma"),
        (answer("flu_shots/in_short/1"), "from flu_shots instead of flu"),
    ],
)
def test_what_does_not_hold_is_named(reply: Reply, problem: str) -> None:
    turn = Turn("?", ("answer",), "en", ("flu",), cites=("flu/in_short",), never=("asthma",))
    assert problem in problems(turn, reply)


def test_a_reply_that_is_no_answer_is_asked_for_no_passages() -> None:
    turn = Turn("?", ("answer", "clarify"), "en", ("flu",), cites=("flu/in_short",))
    assert problems(turn, {"kind": "clarify", "language": "en"}) == []


def test_turns_are_counted_by_what_they_are_about_and_misses_name_their_turn() -> None:
    flu = Turn("a canary question", ("answer",), "en", ("flu",))
    grave = Turn("a canary emergency", ("emergency",), "en")
    scripts = [
        Script("one", "pronouns", "en", None, (flu, flu)),
        Script("two", "emergency in the middle", "es", None, (grave,)),
    ]

    async def talk(script: Script) -> Sequence[Reply]:
        await asyncio.sleep(0)
        good = {
            "one": [answer("flu/in_short/1"), answer("gout/in_short/1")],
            "two": [{"kind": "notice", "language": "en"}],
        }
        return good[script.id]

    turns, whole = evaluate_conversations(scripts, talk, SilentWatch())
    found = {measure.name: measure for measure in turns.measures}
    assert (found["all turns"].n, found["all turns"].hits) == (3, 1)
    assert found["emergencies and crises"].met is False
    assert (found["pronouns"].n, found["pronouns"].hits) == (2, 1)
    assert found["pronouns"].misses[0].id == "one:2"
    assert (found["begun in es"].n, whole.measures[0].hits) == (1, 0)
    assert "canary" not in str([*turns.measures, *whole.measures])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("scripts: {}", "list `scripts`"),
        ("scripts:\n- {about: x, turns: []}", "needs an id"),
        ("scripts:\n- {id: a, about: x, turns: []}", "needs `about` and a list"),
        ("scripts:\n- {id: a, about: x, mood: y, turns: [{say: q, kind: answer}]}", "a has mood"),
        ("scripts:\n- {id: a, about: x, turns: [{kind: answer}]}", "needs `say`"),
        ("scripts:\n- {id: a, about: x, turns: [{say: q}]}", "needs a `kind`"),
        ("scripts:\n- {id: a, about: x, turns: [{say: q, kind: loud}]}", "needs a `kind`"),
        ("scripts:\n- {id: a, about: x, turns: [{say: q, kind: answer, tone: nice}]}", "has tone"),
    ],
)
def test_a_script_that_is_wrong_is_named_with_its_file(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "talk.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(DataFileError, match=problem):
        load_scripts(tmp_path)


def test_an_id_stands_once(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("scripts:\n- {id: a, about: x, turns: [{say: q, kind: answer}]}", encoding="utf-8")
    with pytest.raises(DataFileError, match="stands twice"):
        load_scripts(tmp_path)


def test_the_stack_of_an_evaluation_opens_no_door_to_patients_or_staff(tmp_path: Path) -> None:
    """What decides how the bot answers is kept; a bot's token, mail, a store and secrets are not."""
    around = {
        "PATH": "/bin", "BEDSIDE_LANGUAGES": "en", "BEDSIDE_MODEL_URL": "http://m", "BEDSIDE_ANSWER_MODE": "drafted",
        "BEDSIDE_TELEGRAM_TOKEN": "t", "BEDSIDE_REDIS_URL": "redis://clinic", "BEDSIDE_SECRETS_DIR": "/run/secrets",
        "BEDSIDE_SMTP_HOST": "mail", "BEDSIDE_DATA_DIR": "/clinic", "BEDSIDE_PORT": "8080",
    }  # fmt: skip
    told = _environment(around, tmp_path)
    assert told["PATH"] == "/bin"
    assert (told["BEDSIDE_LANGUAGES"], told["BEDSIDE_MODEL_URL"]) == ("en", "http://m")
    assert not {"BEDSIDE_TELEGRAM_TOKEN", "BEDSIDE_REDIS_URL", "BEDSIDE_SECRETS_DIR", "BEDSIDE_SMTP_HOST"} & set(told)
    assert told["BEDSIDE_DATA_DIR"] == str(tmp_path)
    assert told["BEDSIDE_PORT"] != "8080"


def test_conversations_need_no_labelled_sets() -> None:
    assert not SUITES["conversations"].reads_sets
