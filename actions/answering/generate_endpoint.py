"""A language model behind an address that speaks OpenAI's chat interface: vLLM, llama.cpp, Ollama and others.

Beside `generate`, which says what it is told. An endpoint that fails is left alone: until a probe of our own gets a
word out of it, drafts end before they begin, and patients read the reviewed sentences without waiting.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

import httpx
import pybreaker
from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
    wait_exponential_jitter,
)

from actions.answering.generate import Prompt
from actions.errors import ModelUnavailable

_LOG = logging.getLogger(__name__)

_CONNECT_S = 3.0
_ATTEMPTS = 3
"""For one draft, before its first word: a patient waits."""
_FAILURES_TO_OPEN = 1
"""Opening costs little: the next patients read the reviewed sentences, and the probe closes it again."""
_FIRST_PROBE_S = 2.0
_SLOWEST_PROBE_S = 60.0
_BUSY = (408, 409, 425, 429)
"""Statuses that say: later."""
_OF_THIS_PROMPT = (400, 413, 422)
"""Statuses that say something about the prompt and nothing about the endpoint."""
_PROBE = Prompt(system="Answer with one word.", user="Ready?")


class OpenAICompatibleModel:
    """A model behind an address, with retries before its first word and a breaker that spares patients a dead one."""

    def __init__(
        self, url: str, name: str, api_key: str, timeout_s: float, *, first_probe_s: float = _FIRST_PROBE_S
    ) -> None:
        from openai import AsyncOpenAI  # noqa: PLC0415 - a second of import, only where an endpoint is named

        self.name = name
        self._timeout_s = timeout_s
        self._first_probe_s = first_probe_s
        self._breaker = pybreaker.CircuitBreaker(fail_max=_FAILURES_TO_OPEN, throw_new_error_on_trip=False)
        self._probing: asyncio.Task[None] | None = None
        self._has_system_role = True
        self._client = AsyncOpenAI(
            base_url=url,
            # The client insists on a key; most local servers ask for none.
            api_key=api_key or "none",
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_S)),
            max_retries=0,
        )

    @property
    def is_left_alone(self) -> bool:
        """Whether the endpoint failed and no probe has got a word out of it since."""
        return self._breaker.current_state != pybreaker.STATE_CLOSED

    async def generate(self, prompt: Prompt, max_new_tokens: int) -> AsyncGenerator[str, None]:
        """Yield the text as it comes; closing the iterator closes the connection, which stops the server."""
        from openai import OpenAIError  # noqa: PLC0415

        if self.is_left_alone:
            raise ModelUnavailable(f"the endpoint of {self.name} is left alone")
        clock = asyncio.get_running_loop().time
        asked = clock()
        spoke = False
        try:
            stream = await self._ask(prompt, max_new_tokens)
            async with stream:
                async for chunk in stream:
                    if chunk.choices and chunk.choices[0].delta.content:
                        spoke = True
                        yield chunk.choices[0].delta.content
        except (OpenAIError, httpx.HTTPError, ValueError, AttributeError, TypeError) as error:
            if getattr(error, "status_code", None) not in _OF_THIS_PROMPT:
                self._leave_alone(error)
            raise ModelUnavailable(f"the endpoint of {self.name} failed ({type(error).__name__})") from error
        except (asyncio.CancelledError, GeneratorExit) as ended:
            # The budget ran out, or the patient left, after a long silence: the next one shall not sit through it.
            if not spoke and clock() - asked > self._timeout_s / 2:
                self._leave_alone(ended)
            raise

    async def close(self) -> None:
        """Stop probing and close the connections that are kept for the next question."""
        if self._probing is not None:
            self._probing.cancel()
        await self._client.close()

    async def _ask(self, prompt: Prompt, max_new_tokens: int) -> Any:
        from openai import BadRequestError  # noqa: PLC0415

        try:
            return await self._ask_again_if_busy(prompt, max_new_tokens, self._has_system_role)
        except BadRequestError:
            if not self._has_system_role:
                raise
        # Servers of models without a system role refuse one.
        stream = await self._ask_again_if_busy(prompt, max_new_tokens, False)
        self._has_system_role = False
        return stream

    async def _ask_again_if_busy(self, prompt: Prompt, max_new_tokens: int, with_system_role: bool) -> Any:
        asking = AsyncRetrying(
            retry=retry_if_exception(_is_passing),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_exponential_jitter(multiplier=0.1, max=1.0, jitter=0.1),
            reraise=True,
        )
        return await asking(self._ask_once, prompt, max_new_tokens, with_system_role)

    async def _ask_once(self, prompt: Prompt, max_new_tokens: int, with_system_role: bool) -> Any:
        system: list[dict[str, str]] = [{"role": "system", "content": prompt.system}] if with_system_role else []
        said = prompt.user if with_system_role else prompt.in_one
        messages: Any = [*system, {"role": "user", "content": said}]
        return await self._client.chat.completions.create(
            model=self.name, messages=messages, max_tokens=max_new_tokens, temperature=0, stream=True
        )

    def _leave_alone(self, error: BaseException) -> None:
        """Open the breaker and begin to probe."""

        def fail() -> None:
            raise error

        with suppress(type(error), pybreaker.CircuitBreakerError):
            self._breaker.call(fail)
        if self._probing is None or self._probing.done():
            _LOG.warning("the endpoint of %s is left alone until it answers (%s)", self.name, type(error).__name__)
            self._probing = asyncio.create_task(self._probe())

    async def _probe(self) -> None:
        """Ask for one word, again and again at longer intervals, until it comes; then patients' drafts go on."""
        await asyncio.sleep(self._first_probe_s)
        probing = AsyncRetrying(
            retry=retry_if_exception_type(Exception),
            wait=wait_exponential(multiplier=self._first_probe_s, min=self._first_probe_s, max=_SLOWEST_PROBE_S),
        )
        await probing(self._hear_a_word)
        self._breaker.close()
        _LOG.info("the endpoint of %s answers again", self.name)

    async def _hear_a_word(self) -> None:
        async with asyncio.timeout(self._timeout_s):
            stream = await self._ask_once(_PROBE, 1, self._has_system_role)
            async with stream:
                async for chunk in stream:
                    if chunk.choices:
                        return
        raise ModelUnavailable(f"the endpoint of {self.name} says nothing")


def _is_passing(error: BaseException) -> bool:
    """Return whether asking once more may help at once: a refused connection, a busy server; never a long silence."""
    from openai import APIConnectionError, APIStatusError, APITimeoutError  # noqa: PLC0415

    if isinstance(error, APIStatusError):
        return error.status_code in _BUSY or error.status_code >= 500
    return isinstance(error, APIConnectionError) and not isinstance(error, APITimeoutError)
