"""A model in this process: several patients at once, one beginning read once, and nothing written for who has left."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actions.answering.generate import Prompt, build_prompt
from actions.answering.generate_here import TransformersModel, prepare_embedded_model
from actions.answering.pipeline import Drafting, Order, Parts, answer_question
from actions.answering.retrieve import Retriever
from actions.errors import ModelUnavailable
from careguard.rails import review_draft_sentence
from careguard.review import AnswerKind, DraftSentence, Mode
from careguard.verdict import Decision

QUESTION = "What is sunburn?"
ORDER = Order(QUESTION, "en", message_id="m1")
PROMPT = Prompt("You answer from passages.", "What is sunburn?")

WITH_SYSTEM = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}</{{ m['role'] }}>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
REFUSES_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + WITH_SYSTEM
)
DROPS_SYSTEM = "{% for m in messages if m['role'] == 'user' %}<user>{{ m['content'] }}</user>{% endfor %}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of a few thousand random numbers that writes bytes without sense, and never ends by itself."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    target = tmp_path_factory.mktemp("tiny")
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    plain = Tokenizer(models.BPE(vocab={letter: n for n, letter in enumerate([*letters, "<end>"])}, merges=[]))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, eos_token="<end>")  # type: ignore[no-untyped-call]
    tokenizer.chat_template = WITH_SYSTEM
    tokenizer.save_pretrained(target)
    torch.manual_seed(3)
    config: Any = LlamaConfig(
        vocab_size=257, hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=4096, eos_token_id=None, bos_token_id=None,
        initializer_range=1.0,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(target)
    return target


@pytest.fixture
async def model(folder: Path) -> AsyncIterator[TransformersModel]:
    made = TransformersModel(str(folder), device="cpu", at_once=4, max_new_tokens=1500)
    yield made
    await made.close()


async def text_of(model: TransformersModel, prompt: Prompt = PROMPT, tokens: int = 24) -> str:
    return "".join([piece async for piece in model.generate(prompt, tokens)])


def with_template(folder: Path, target: Path, template: str | None) -> Path:
    """The same model with another chat template, or none."""
    target.mkdir()
    for file in folder.iterdir():
        if file.name != "chat_template.jinja":
            (target / file.name).write_bytes(file.read_bytes())
    settings = json.loads((target / "tokenizer_config.json").read_text(encoding="utf-8"))
    settings.pop("chat_template", None)
    if template is not None:
        settings["chat_template"] = template
    (target / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return target


async def test_patients_who_ask_at_once_get_what_each_would_get_alone(model: TransformersModel) -> None:
    prompts = [Prompt(PROMPT.system, f"Question {number}?") for number in range(4)]
    alone = [await text_of(model, prompt) for prompt in prompts]
    together = await asyncio.gather(*(text_of(model, prompt) for prompt in prompts))
    assert together == alone
    assert len(set(alone)) > 1


async def test_the_text_comes_in_pieces_while_it_is_written(model: TransformersModel) -> None:
    assert len([piece async for piece in model.generate(PROMPT, 24)]) > 5


async def test_the_beginning_that_is_always_the_same_is_read_once(
    model: TransformersModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later draft takes the pages of an earlier one's rules, and writes what it would have written without."""
    rules = "Everything you say must stand in the passages. " * 4
    first = await text_of(model, Prompt(rules, "One?"))
    cache = model._manager.batch_processor.cache
    found: list[int] = []

    def search(request_id: str, tokens: list[int], really: Any = cache.search_prefix_match) -> int:
        found.append(really(request_id, tokens))
        return found[-1]

    monkeypatch.setattr(cache, "search_prefix_match", search)
    await text_of(model, Prompt(rules, "Another question?"))
    assert await text_of(model, Prompt(rules, "One?")) == first
    assert min(found) >= len(rules) - 32


async def test_what_is_written_for_a_patient_who_left_ends(model: TransformersModel) -> None:
    writing = model.generate(PROMPT, 1500)
    await anext(writing)
    await writing.aclose()
    async with asyncio.timeout(5):
        while model._manager.batch_processor.scheduler.active_requests:
            await asyncio.sleep(0.01)
    assert await text_of(model), "and the next patient is written for"


async def test_a_patient_who_leaves_while_waiting_for_the_first_word_ends_it_too(
    model: TransformersModel, parts: Parts
) -> None:
    drafting = replace(parts, drafting=Drafting(model, 60, 1500, asyncio.Semaphore(1)))
    asking = asyncio.create_task(answer_question(ORDER, drafting))
    async with asyncio.timeout(10):
        while not (model._manager.is_running() and model._manager.batch_processor is not None):
            await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    async with asyncio.timeout(5):
        while model._manager.batch_processor.has_pending_requests():
            await asyncio.sleep(0.01)


async def test_a_model_that_writes_no_text_gets_the_reviewed_sentences_out(
    model: TransformersModel, parts: Parts
) -> None:
    drafting = replace(parts, drafting=Drafting(model, 20, 200, asyncio.Semaphore(1)))
    answer = await answer_question(ORDER, drafting)
    assert answer.mode is Mode.VERBATIM
    assert answer.text


async def test_a_model_whose_thread_broke_starts_again(model: TransformersModel) -> None:
    first = await text_of(model)
    await model.close()
    assert await text_of(model) == first


async def test_a_prompt_without_room_is_refused_at_once(model: TransformersModel) -> None:
    with pytest.raises(ModelUnavailable, match="too long"):
        await text_of(model, Prompt("rules", "word " * 2000))


@pytest.mark.parametrize("template", [REFUSES_SYSTEM, DROPS_SYSTEM])
async def test_a_model_without_a_system_role_is_told_the_rules_all_the_same(
    template: str, folder: Path, tmp_path: Path
) -> None:
    model = TransformersModel(str(with_template(folder, tmp_path / "other", template)), device="cpu")
    told = model._write(model._read(PROMPT))
    assert PROMPT.system in told
    assert PROMPT.user in told


async def test_a_model_without_a_chat_template_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable):
        TransformersModel(str(with_template(folder, tmp_path / "base", None)), device="cpu")


def test_a_folder_that_holds_no_model_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable):
        TransformersModel(str(tmp_path))


def test_a_gguf_file_that_is_none_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF no more")
    with pytest.raises(ModelUnavailable):
        TransformersModel(str(tmp_path / "model.gguf"))


@pytest.mark.model
@pytest.mark.timeout(400)
async def test_the_embedded_model_is_converted_once_writes_and_only_what_passes_is_said(
    tmp_path_factory: pytest.TempPathFactory, retriever: Retriever, parts: Parts
) -> None:
    passages = [scored.passage for scored in retriever.retrieve(QUESTION, "en").passages]
    data = tmp_path_factory.mktemp("model")
    folder = await asyncio.to_thread(prepare_embedded_model, data)
    assert await asyncio.to_thread(prepare_embedded_model, data) == folder
    model = await asyncio.to_thread(TransformersModel, str(folder))
    assert (await text_of(model, build_prompt(QUESTION, passages, "en"), 12)).strip()

    # Small as it is, it seldom writes what passes; whatever is said has passed, and there is always an answer.
    drafting = replace(parts, drafting=Drafting(model, 120, 80, asyncio.Semaphore(1)))
    answer = await answer_question(ORDER, drafting)
    filled = [passage.filled({"emergency_number": "911"}) for passage in passages]
    assert answer.kind is AnswerKind.ANSWER
    for sentence in answer.sentences:
        said = DraftSentence(sentence.text, sentence.citations)
        assert review_draft_sentence(said, filled, "en", parts.policy).decision is Decision.ALLOW
    await model.close()
