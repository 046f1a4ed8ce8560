"""What a language model is told, and how its text becomes sentences: a prompt of passages goes in, a draft comes out.

Between retrieval and review. Nothing here decides what a patient reads; every sentence is reviewed afterwards. The
models themselves are called in `generate_here` (in this process) and `generate_endpoint` (behind an address).
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from actions.answering.topic import Passage
from actions.errors import ModelGaveUp
from careguard.groundedness import share_supported
from careguard.review import DraftSentence

_PROMPT_FILE = Path(__file__).with_name("answer_prompt.md")
_NO_ANSWER = "NO ANSWER"
_MOST_PASSAGES = 6
_MOST_SENTENCES = 5
_GRADE = 6
_LONGEST_SENTENCE = 600
"""Characters after which a model that ends no sentence has given up."""

_CITATIONS = re.compile(r"\[(\d+(?:\s*,\s*\d+)*)\]")
_SENTENCE = re.compile(
    r"\s*(?P<sentence>.+?(?:[.!?。！？]['\")”»]*(?:\s*\[\d+(?:\s*,\s*\d+)*\])*|(?:\s*\[\d+(?:\s*,\s*\d+)*\])+[.!?]?))"
    r"(?=\s+[^\s\[]|\s*\n|\Z)",
    re.DOTALL,
)
_THINKING, _THOUGHT = "<think>", "</think>"
"""Between these a reasoning model talks to itself."""
_LOST_LETTER = "\ufffd"
"""Stands where bytes were no text."""
_LIST_MARK = re.compile(r"\s*(?:[-*•]|\d+[.)])\s+(?=\S)")


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is told, and what it is asked.

    Every draft in one language is told the same, so what a model makes of that part can be kept for the next draft.
    """

    system: str
    user: str

    @property
    def in_one(self) -> str:
        """Both in one text, for a model that knows no system role."""
        return f"{self.system}\n\n{self.user}"


class Model(Protocol):
    """A language model that writes text piece by piece."""

    @property
    def name(self) -> str:
        """Return the name that stands in logs."""
        ...

    def generate(self, prompt: Prompt, max_new_tokens: int) -> AsyncGenerator[str, None]:
        """Yield the text as it is written; closing the iterator stops the model.

        Raises:
            ModelUnavailable: The model cannot be reached or breaks.
        """
        ...

    async def close(self) -> None:
        """Let go of what the model holds."""
        ...


def build_prompt(question: str, passages: Sequence[Passage], language: str) -> Prompt:
    """Return the prompt that carries the first passages as numbered data."""
    system, _, user = _PROMPT_FILE.read_text(encoding="utf-8").partition("\n---\n")
    numbered = "\n".join(f"[{n}] {passage.text}" for n, passage in enumerate(passages[:_MOST_PASSAGES], start=1))
    return Prompt(
        system=system.format(language=language, grade=_GRADE, sentences=_MOST_SENTENCES).strip(),
        # Angle brackets would let a question or a passage close its own frame.
        user=user.format(passages=_unframed(numbered), question=_unframed(question)).strip(),
    )


async def draft_sentences(
    model: Model, question: str, passages: Sequence[Passage], language: str, max_new_tokens: int
) -> AsyncGenerator[DraftSentence, None]:
    """Yield the sentences of a draft as they are finished, each with the passages that it cites.

    A sentence that cites nothing cites the passage that supports it best; review decides whether that is enough.

    Raises:
        ModelUnavailable: The model cannot be reached or breaks.
        ModelGaveUp: It says that it has no answer, ends no sentence, says a sentence again, or writes what is no text.
    """
    given = passages[:_MOST_PASSAGES]
    pending = ""
    told: set[str] = set()
    async with aclosing(model.generate(build_prompt(question, passages, language), max_new_tokens)) as pieces:
        async for piece in _spoken(pieces):
            pending = _without_list_mark(pending + piece)
            if len(pending) > _LONGEST_SENTENCE:
                raise ModelGaveUp("the model ends no sentence")
            while (found := _SENTENCE.match(pending)) is not None and found.end() < len(pending.rstrip()):
                pending = _without_list_mark(pending[found.end() :])
                yield _new_sentence(found["sentence"], given, language, told)
                if len(told) == _MOST_SENTENCES:
                    return
    for found in _SENTENCE.finditer(pending):
        yield _new_sentence(found["sentence"], given, language, told)
    if not told:
        raise ModelGaveUp("the model wrote nothing")


async def _spoken(pieces: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    """Yield what is meant for the reader, without what a reasoning model thinks aloud first."""
    begun = ""
    thinking = True
    async for piece in pieces:
        if not thinking:
            yield piece
            continue
        begun = (begun + piece).lstrip()
        if begun.startswith(_THINKING):
            _, ended, said = begun.partition(_THOUGHT)
            if not ended:
                continue
            begun = said
        elif _THINKING.startswith(begun):
            continue
        thinking = False
        yield begun
    if thinking and not begun.startswith(_THINKING):
        yield begun


def _new_sentence(written: str, given: Sequence[Passage], language: str, told: set[str]) -> DraftSentence:
    """Return the draft of a sentence that has not been told, and note it as told."""
    draft = _as_draft(written, given, language)
    if _LOST_LETTER in draft.text:
        raise ModelGaveUp("the model writes what is no text")
    words = draft.text.casefold()
    if words in told:
        raise ModelGaveUp("the model repeats itself")
    told.add(words)
    return draft


def _as_draft(written: str, given: Sequence[Passage], language: str) -> DraftSentence:
    if _NO_ANSWER in written.upper():
        raise ModelGaveUp("the model says that the passages hold no answer")
    numbers = [int(number) for group in _CITATIONS.findall(written) for number in re.findall(r"\d+", group)]
    text = " ".join(_CITATIONS.sub(" ", written).split())
    text = re.sub(r"\s+([.!?,;:])", r"\1", text)
    # A number that no passage has stays in, as an id that review does not know.
    cited = [given[n - 1].id if 1 <= n <= len(given) else f"unknown/{n}" for n in dict.fromkeys(numbers)]
    if not cited and given:
        best = max(given, key=lambda passage: share_supported(text, [passage.text], language))
        cited = [best.id]
    return DraftSentence(text, tuple(cited))


def _without_list_mark(text: str) -> str:
    """Return the text without the dash or number with which a model begins a list entry; "1." is no sentence."""
    mark = _LIST_MARK.match(text)
    return text if mark is None else text[mark.end() :]


def _unframed(text: str) -> str:
    return text.replace("<", "(").replace(">", ")").replace("\0", " ")
