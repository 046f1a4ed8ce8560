"""The conversations suite: scripts of several turns through the running line, and what must hold of each reply.

What a single question cannot show: what "it" stands for, a change of topic and the way back, a correction, who it is
about, another language in the middle, and an emergency after small talk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.commands.web_client import NoReplyError, RefusedError, StackAt, open_conversation
from bot.evaluation.measure import Finding, Measure, Section, at_least, recall
from bot.evaluation.progress import Watch
from bot.gateway.message import ReplyKind
from careguard.errors import DataFileError
from careguard.strict_yaml import read_yaml

SCRIPTS = Path(__file__).with_name("conversations")
TURNS_HELD = at_least(0.95)
NEVER_MISSED = at_least(1.0)
_AT_ONCE = 2
_REPLY_S = 120.0
_SCRIPT_KEYS = frozenset({"id", "about", "language", "country", "turns"})
_TURN_KEYS = frozenset({"say", "kind", "topic", "cites", "cites_one", "never", "language"})
_KINDS = frozenset(kind.value for kind in ReplyKind)
_GRAVE = frozenset({ReplyKind.EMERGENCY.value, ReplyKind.CRISIS.value})


@dataclass(frozen=True, slots=True)
class Turn:
    """What the patient writes, and what must hold of the reply."""

    say: str
    kinds: tuple[str, ...]
    language: str
    topics: tuple[str, ...] = ()
    cites: tuple[str, ...] = ()
    cites_one: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Script:
    """One conversation."""

    id: str
    about: str
    language: str
    country: str | None
    turns: tuple[Turn, ...]


Reply = Mapping[str, Any]
"""The data of one reply as the web channel gives it; `error` stands in it when none came."""
Talk = Callable[[Script], Awaitable[Sequence[Reply]]]
"""Holds one conversation from its first turn to its last."""


def load_scripts(folder: Path = SCRIPTS) -> list[Script]:
    """Return the scripts of every file in the folder.

    Raises:
        DataFileError: A file is wrong, or an id stands twice.
    """
    scripts: list[Script] = []
    for path in sorted(folder.glob("*.yaml")):
        data = read_yaml(path)
        given = data.get("scripts") if isinstance(data, dict) else None
        if not isinstance(given, list):
            raise DataFileError(path, "it must have a list `scripts`")
        for entry in given:
            script = _read_script(path, entry)
            if any(other.id == script.id for other in scripts):
                raise DataFileError(path, f"the id {script.id} stands twice: give each script its own")
            scripts.append(script)
    return scripts


def _read_script(path: Path, entry: Any) -> Script:
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        raise DataFileError(path, "each script needs an id")
    name = entry["id"]
    unknown = sorted(set(entry) - _SCRIPT_KEYS)
    if unknown:
        raise DataFileError(path, f"{name} has {', '.join(unknown)}: use {', '.join(sorted(_SCRIPT_KEYS))}")
    turns, about = entry.get("turns"), entry.get("about")
    if not isinstance(turns, list) or not turns or not isinstance(about, str):
        raise DataFileError(path, f"{name} needs `about` and a list `turns`")
    language = str(entry.get("language") or "en")
    return Script(
        name, about, language, entry.get("country"), tuple(_read_turn(path, name, turn, language) for turn in turns)
    )


def _read_turn(path: Path, name: str, turn: Any, language: str) -> Turn:
    if not isinstance(turn, dict) or not isinstance(turn.get("say"), str):
        raise DataFileError(path, f"a turn of {name} needs `say`")
    unknown = sorted(set(turn) - _TURN_KEYS)
    kinds = _several(turn.get("kind"))
    if unknown or not kinds or not set(kinds) <= _KINDS:
        problem = f"has {', '.join(unknown)}" if unknown else f"needs a `kind` of {', '.join(sorted(_KINDS))}"
        raise DataFileError(path, f"a turn of {name} {problem}")
    return Turn(
        say=turn["say"],
        kinds=kinds,
        language=str(turn.get("language") or language),
        topics=_several(turn.get("topic")),
        cites=_several(turn.get("cites")),
        cites_one=_several(turn.get("cites_one")),
        never=_several(turn.get("never")),
    )


def _several(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(str(one) for one in value)


def problems(turn: Turn, reply: Reply) -> list[str]:
    """Return what does not hold of the reply; nothing when all of it holds. No word of the talk is in it."""
    if "error" in reply:
        return ["no reply"]
    found = []
    if reply["kind"] not in turn.kinds:
        found.append(f"{reply['kind']} instead of {' or '.join(turn.kinds)}")
    if reply.get("language") != turn.language:
        found.append(f"in {reply.get('language')} instead of {turn.language}")
    if reply["kind"] != ReplyKind.ANSWER:
        return found
    cited = _cited(reply)
    if turn.topics and not any(_is_cited(topic, cited) for topic in turn.topics):
        found.append(f"from {_topics(cited)} instead of {' or '.join(turn.topics)}")
    found += [f"without {wanted}" for wanted in turn.cites if not _is_cited(wanted, cited)]
    if turn.cites_one and not any(_is_cited(wanted, cited) for wanted in turn.cites_one):
        found.append(f"without any of {', '.join(turn.cites_one)}")
    return found + [f"with {unwanted}" for unwanted in turn.never if _is_cited(unwanted, cited)]


def _cited(reply: Reply) -> frozenset[str]:
    return frozenset(
        passage for sentence in reply.get("sentences") or () for passage in sentence.get("citations") or ()
    )


def _is_cited(wanted: str, cited: frozenset[str]) -> bool:
    """Return whether the topic, section or passage is among the passages."""
    return any(passage == wanted or passage.startswith(f"{wanted}/") for passage in cited)


def _topics(cited: frozenset[str]) -> str:
    return ", ".join(sorted({passage.partition("/")[0] for passage in cited})) or "no topic"


def talk_with(stack: StackAt) -> Talk:
    """Return what holds a conversation with the stack, consent first, as a patient does."""

    async def talk(script: Script) -> list[Reply]:
        async with open_conversation(stack, language=script.language, country=script.country) as conversation:
            await conversation.consent(_REPLY_S)
            replies: list[Reply] = []
            for turn in script.turns:
                try:
                    replies.append(await conversation.exchange(turn.say, _REPLY_S))
                except (NoReplyError, RefusedError) as error:
                    replies.append({"error": str(error)})
            return replies

    return talk


def evaluate_conversations(scripts: Sequence[Script], talk: Talk, watch: Watch) -> list[Section]:
    """Return how many turns held, in all and by what the conversation is about, and how many whole conversations."""
    pairs = [scripts[start : start + _AT_ONCE] for start in range(0, len(scripts), _AT_ONCE)]
    held: dict[str, list[Finding]] = {}
    for pair in watch.each("conversations", pairs):
        for script, replies in zip(pair, asyncio.run(_together(pair, talk)), strict=True):
            held[script.id] = [
                Finding(f"{script.id}:{number}", not wrong, "; ".join(wrong))
                for number, (turn, reply) in enumerate(zip(script.turns, replies, strict=True), start=1)
                for wrong in [problems(turn, reply)]
            ]
    return [_turns(scripts, held), _whole(scripts, held)]


async def _together(scripts: Sequence[Script], talk: Talk) -> list[Sequence[Reply]]:
    return list(await asyncio.gather(*(talk(script) for script in scripts)))


def _turns(scripts: Sequence[Script], held: Mapping[str, Sequence[Finding]]) -> Section:
    def of(name: str, chosen: Sequence[Script]) -> Measure:
        return recall(name, [finding for script in chosen for finding in held[script.id]])

    everything = [finding for script in scripts for finding in held[script.id]]
    grave = [
        finding
        for script in scripts
        for turn, finding in zip(script.turns, held[script.id], strict=True)
        if set(turn.kinds) <= _GRAVE
    ]
    measures = [
        recall("all turns", everything, TURNS_HELD),
        recall("emergencies and crises", grave, NEVER_MISSED),
        *(
            of(about, [script for script in scripts if script.about == about])
            for about in dict.fromkeys(script.about for script in scripts)
        ),
        *(
            of(f"begun in {language}", [script for script in scripts if script.language == language])
            for language in sorted({script.language for script in scripts})
        ),
    ]
    return Section(
        "Turns that held",
        tuple(measures),
        note="A turn holds when the kind of reply, its language, the topic and every passage that must or must not be"
        " cited are as the script says.",
    )


def _whole(scripts: Sequence[Script], held: Mapping[str, Sequence[Finding]]) -> Section:
    findings = [
        Finding(
            script.id,
            all(finding.hit for finding in held[script.id]),
            " | ".join(f"{finding.id}: {finding.cause}" for finding in held[script.id] if not finding.hit),
        )
        for script in scripts
    ]
    return Section("Conversations that held from the first turn to the last", (recall("all conversations", findings),))
