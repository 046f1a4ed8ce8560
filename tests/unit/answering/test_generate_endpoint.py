"""A model behind an address: whatever it does, reviewed sentences go out, and a dead one costs nobody time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from actions.answering.generate import Model, Prompt
from actions.answering.generate_endpoint import OpenAICompatibleModel
from actions.answering.pipeline import Drafting, Order, Parts, answer_question
from actions.errors import ModelUnavailable
from careguard.review import Mode, ReviewedAnswer

from .endpoint import Endpoint

PROMPT = Prompt("rules", "question")
ORDER = Order("What is sunburn?", "en", country="GB", message_id="m1")
NOWHERE = "http://127.0.0.1:9/v1"


@pytest.fixture
def endpoint() -> Iterator[tuple[Endpoint, str]]:
    server = Endpoint()
    url = server.start()
    yield server, url
    server.stop()


@asynccontextmanager
async def model_at(
    url: str, timeout_s: float = 5.0, first_probe_s: float = 60.0
) -> AsyncIterator[OpenAICompatibleModel]:
    model = OpenAICompatibleModel(url, "clinic-model", "secret", timeout_s, first_probe_s=first_probe_s)
    try:
        yield model
    finally:
        await model.close()


async def text_of(model: Model) -> str:
    return "".join([piece async for piece in model.generate(PROMPT, 50)])


async def answered(model: Model, parts: Parts, budget_s: float = 5.0) -> ReviewedAnswer:
    return await answer_question(ORDER, replace(parts, drafting=Drafting(model, budget_s, 100, asyncio.Semaphore(1))))


async def test_an_endpoint_streams_what_it_writes(endpoint: tuple[Endpoint, str]) -> None:
    server, url = endpoint
    async with model_at(url) as model:
        assert await text_of(model) == "Sunburn is skin. [1]"
    (request,) = server.requests
    assert request["model"] == "clinic-model"
    assert request["messages"][0] == {"role": "system", "content": "rules"}
    assert request["max_tokens"] == 50
    assert request["key"] == "Bearer secret"


async def test_an_endpoint_that_refuses_is_unavailable_and_its_words_stay_out(endpoint: tuple[Endpoint, str]) -> None:
    server, url = endpoint
    server.statuses = [403]
    async with model_at(url) as model:
        with pytest.raises(ModelUnavailable) as failed:
            await text_of(model)
    assert "patient text" not in str(failed.value)


async def test_a_busy_server_is_asked_again_before_its_first_word(endpoint: tuple[Endpoint, str]) -> None:
    server, url = endpoint
    server.statuses = [503, 429]
    async with model_at(url) as model:
        assert await text_of(model) == "Sunburn is skin. [1]"
        assert not model.is_left_alone
    assert len(server.requests) == 3


async def test_a_server_without_a_system_role_is_told_everything_as_the_patients_side(
    endpoint: tuple[Endpoint, str],
) -> None:
    server, url = endpoint
    server.refuses_system_role = True
    async with model_at(url) as model:
        assert await text_of(model) == "Sunburn is skin. [1]"
        assert await text_of(model) == "Sunburn is skin. [1]"
    assert [message["role"] for message in server.requests[-1]["messages"]] == ["user"]
    assert server.requests[-1]["messages"][0]["content"] == PROMPT.in_one
    assert len(server.requests) == 3, "the second draft does not try again what was refused"


async def test_a_prompt_that_is_refused_says_nothing_about_the_endpoint(endpoint: tuple[Endpoint, str]) -> None:
    server, url = endpoint
    server.statuses = [422]
    async with model_at(url) as model:
        with pytest.raises(ModelUnavailable):
            await text_of(model)
        assert not model.is_left_alone
        assert await text_of(model) == "Sunburn is skin. [1]"


@pytest.mark.parametrize("status", [401, 404, 500])
async def test_an_endpoint_that_fails_is_left_alone(status: int, endpoint: tuple[Endpoint, str]) -> None:
    server, url = endpoint
    server.statuses = [status] * 3
    async with model_at(url) as model:
        with pytest.raises(ModelUnavailable):
            await text_of(model)
        asked = len(server.requests)
        with pytest.raises(ModelUnavailable, match="left alone"):
            await text_of(model)
        assert len(server.requests) == asked, "nobody waits for it any more"


async def test_an_endpoint_that_is_not_there_costs_the_next_patients_nothing(parts: Parts) -> None:
    async with model_at(NOWHERE) as model:
        with pytest.raises(ModelUnavailable):
            await text_of(model)
        assert model.is_left_alone
        answer = await answered(model, parts)
    assert answer.mode is Mode.VERBATIM


async def test_a_probe_of_our_own_brings_an_endpoint_back(endpoint: tuple[Endpoint, str], parts: Parts) -> None:
    """It fails for one patient and for the first probe; the second probe hears a word, and drafts go on."""
    server, url = endpoint
    server.statuses = [404, 404]
    server.pieces = ["Sunburn is skin that was harmed by too much sun. [1]"]
    async with model_at(url, first_probe_s=0.01) as model:
        with pytest.raises(ModelUnavailable):
            await text_of(model)
        async with asyncio.timeout(5):
            while model.is_left_alone:
                await asyncio.sleep(0.01)
        assert (await answered(model, parts)).mode is Mode.DRAFTED
    probe = server.requests[-2]
    assert probe["max_tokens"] == 1
    assert "question" not in str(probe["messages"]), "a probe carries nothing of a patient"


async def test_an_endpoint_that_never_says_a_word_is_given_up_on_and_left_alone(
    endpoint: tuple[Endpoint, str], parts: Parts
) -> None:
    server, url = endpoint
    server.is_silent = True
    async with model_at(url, timeout_s=0.2) as model:
        assert (await answered(model, parts)).mode is Mode.VERBATIM
        assert model.is_left_alone
        assert len(server.requests) == 1, "a long silence is not asked for twice"


async def test_an_endpoint_over_the_budget_is_left_alone_too(endpoint: tuple[Endpoint, str], parts: Parts) -> None:
    server, url = endpoint
    server.is_silent = True
    async with model_at(url, timeout_s=0.5) as model:
        assert (await answered(model, parts, budget_s=0.4)).mode is Mode.VERBATIM
        assert model.is_left_alone


async def test_an_endpoint_that_never_stops_is_hung_up_on(endpoint: tuple[Endpoint, str], parts: Parts) -> None:
    server, url = endpoint
    server.pieces, server.never_stops = [], True
    async with model_at(url) as model:
        assert (await answered(model, parts)).mode is Mode.VERBATIM
        assert await asyncio.to_thread(server.left.wait, 5), "the server is still writing"


async def test_a_patient_who_leaves_ends_the_servers_work(endpoint: tuple[Endpoint, str], parts: Parts) -> None:
    server, url = endpoint
    server.is_silent = True
    async with model_at(url) as model:
        asking = asyncio.create_task(answered(model, parts))
        async with asyncio.timeout(5):
            while not server.requests:
                await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await asyncio.to_thread(server.left.wait, 5)
        assert not model.is_left_alone, "one who leaves early says nothing about the endpoint"


BROKEN_STREAMS: dict[str, bytes] = {
    "nothing": b"",
    "no stream at all": b"<html>502</html>",
    "bytes that are no text": b'data: {"choices": [{"delta": {"content": "\xff\xfe"}}]}\n\n',
    "no JSON": b"data: {broken\n\n",
    "another JSON": b'data: {"answer": 42}\n\n',
    "JSON that is no object": b"data: [1, 2]\n\n",
    "an error in the stream": b'data: {"error": {"message": "out of memory"}}\n\n',
    "no choices": b'data: {"choices": []}\n\ndata: [DONE]\n\n',
    "another language": 'data: {"choices": [{"delta": {"content": "La quemadura es piel dañada. [1]"}}]}\n\n'.encode(),
    "letters that were lost": 'data: {"choices": [{"delta": {"content": "Sunburn is sk\ufffdn. [1]"}}]}\n\n'.encode(),
}


@pytest.mark.parametrize("name", BROKEN_STREAMS)
async def test_whatever_an_endpoint_sends_the_reviewed_sentences_go_out(
    name: str, endpoint: tuple[Endpoint, str], parts: Parts
) -> None:
    server, url = endpoint
    server.raw = BROKEN_STREAMS[name]
    async with model_at(url) as model:
        answer = await answered(model, parts)
    assert answer.mode is Mode.VERBATIM
    assert answer.text
