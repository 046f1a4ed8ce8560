"""Named stand-ins for language models: each does one thing that a model does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from actions.answering.generate import Prompt
from actions.errors import ModelUnavailable


class _Standing:
    """Holds nothing that must be closed."""

    async def close(self) -> None:
        return None


class WritingModel(_Standing):
    """Writes the same text, a few characters at a time."""

    name = "writing"

    def __init__(self, text: str) -> None:
        self._text = text
        self.prompts: list[Prompt] = []

    async def generate(self, prompt: Prompt, max_new_tokens: int) -> AsyncGenerator[str, None]:
        self.prompts.append(prompt)
        for start in range(0, len(self._text), 7):
            yield self._text[start : start + 7]
            await asyncio.sleep(0)


class EndlessModel(_Standing):
    """Writes its text again and again, and never stops by itself."""

    name = "endless"

    def __init__(self, text: str) -> None:
        self._text = text
        self.stopped = False

    async def generate(self, prompt: Prompt, max_new_tokens: int) -> AsyncGenerator[str, None]:
        try:
            while True:
                yield self._text
                await asyncio.sleep(0)
        finally:
            self.stopped = True


class CountingModel(_Standing):
    """Writes one new sentence after the other, and never stops by itself."""

    name = "counting"

    def __init__(self) -> None:
        self.stopped = False

    async def generate(self, prompt: Prompt, max_new_tokens: int) -> AsyncGenerator[str, None]:
        number = 0
        try:
            while True:
                number += 1
                yield f"Sunburn heals in {number} weeks. [1] "
                await asyncio.sleep(0)
        finally:
            self.stopped = True


class SilentModel(_Standing):
    """Thinks, and writes nothing."""

    name = "silent"

    def __init__(self) -> None:
        self.stopped = False

    async def generate(self, prompt: Prompt, max_new_tokens: int) -> AsyncGenerator[str, None]:
        try:
            await asyncio.sleep(60)
            yield "too late"
        finally:
            self.stopped = True


class BrokenModel(_Standing):
    """Breaks after its first words."""

    name = "broken"

    def __init__(self, text: str = "") -> None:
        self._text = text

    async def generate(self, prompt: Prompt, max_new_tokens: int) -> AsyncGenerator[str, None]:
        if self._text:
            yield self._text
        raise ModelUnavailable("the model broke")
