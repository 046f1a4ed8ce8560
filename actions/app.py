"""The actions process: Rasa's action webhook, and the endpoint that streams reviewed answers.

Between the gateway (which orders answers) and dialogue (which runs actions). Errors are said in words, without a
patient's text. Run it with `python -m actions.app`.
"""

from __future__ import annotations

import asyncio
import hmac
import importlib
import inspect
import json
import logging
import pkgutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from json import JSONDecodeError
from pathlib import Path
from typing import Any

import uvicorn
from rasa_sdk import Action
from rasa_sdk.executor import ActionExecutor
from rasa_sdk.interfaces import ActionExecutionRejection, ActionMissingDomainException, ActionNotFoundException
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

import actions
from actions.answering.approved import ApprovedGate
from actions.answering.card import answer_card
from actions.answering.clarify import Choosing, Clarification
from actions.answering.country import EmergencyNumbers
from actions.answering.embed import PackagedEmbedder
from actions.answering.explain import load_lexicon
from actions.answering.generate import Model
from actions.answering.generate_endpoint import OpenAICompatibleModel
from actions.answering.generate_here import TransformersModel, prepare_embedded_model
from actions.answering.knowledge import Knowledge
from actions.answering.pipeline import (
    Drafting,
    OnSentence,
    Order,
    Parts,
    answer_or_ask,
    order_from_json,
    with_choice_read,
)
from actions.answering.retrieve import Retriever
from actions.answering.same_question import load_same_words
from actions.errors import ActionsError
from actions.settings import ActionsSettings, AnswerMode, load_settings
from careguard.errors import CareguardError
from careguard.rails import prepare_rails
from careguard.reading import school_grade
from careguard.review import ReviewedSentence
from careguard.review_words import load_review_policy

_LOG = logging.getLogger(__name__)
_SECONDS_BETWEEN_LOOKS = 1.0
"""Between two looks at whether something was imported."""
_NO_ACTION_MODULES = frozenset({"app", "settings", "errors"})


def build_parts(settings: ActionsSettings) -> Parts:
    """Return what answering needs: index, review policy, emergency numbers.

    Raises:
        CareguardError: A content or rule file is wrong, or the embedder is missing.
        ActionsError: The set-up has not run, or the language model is missing.
    """
    embedder = PackagedEmbedder()
    knowledge = Knowledge.load(settings.locales, settings.languages, settings.data_dir, embedder)
    policy = load_review_policy(settings.guardrails, settings.locales, settings.languages)
    same_words = load_same_words(settings.locales, settings.languages)
    return Parts(
        drafting=_build_drafting(settings),
        retriever=Retriever(knowledge, embedder),
        choosing=Choosing.load(settings.locales, settings.languages),
        policy=policy,
        approved=ApprovedGate(same_words, embedder, policy),
        numbers=EmergencyNumbers(settings.locales, settings.default_country),
        lexicon=load_lexicon(settings.locales, settings.languages),
    )


def _build_drafting(settings: ActionsSettings) -> Drafting | None:
    if settings.answer_mode is AnswerMode.VERBATIM:
        return None
    return Drafting(
        model=_build_model(settings),
        budget_s=settings.draft_budget_s,
        max_new_tokens=settings.draft_tokens,
        at_once=asyncio.Semaphore(settings.drafts_at_once),
    )


def _build_model(settings: ActionsSettings) -> Model:
    if settings.model_url:
        key = settings.model_api_key.get_secret_value()
        # Its silence must end before the budget does, or every patient would sit through the whole of it.
        timeout_s = min(settings.model_timeout_s, settings.draft_budget_s)
        return OpenAICompatibleModel(settings.model_url, settings.model_name, key, timeout_s)
    return TransformersModel(
        settings.model or str(prepare_embedded_model(settings.data_dir)),
        device=settings.model_device,
        dtype=settings.model_dtype,
        at_once=settings.drafts_at_once,
        max_new_tokens=settings.draft_tokens,
    )


def build_executor() -> ActionExecutor:
    """Return Rasa's executor with every action class of this package registered."""
    executor = ActionExecutor()
    for module_info in pkgutil.iter_modules(actions.__path__):
        if module_info.ispkg or module_info.name in _NO_ACTION_MODULES:
            continue
        module = importlib.import_module(f"{actions.__name__}.{module_info.name}")
        for _, member in inspect.getmembers(module, inspect.isclass):
            if issubclass(member, Action) and member.__module__ == module.__name__:
                executor.register_action(member)
    return executor


def create_app(settings: ActionsSettings, parts: Parts | None = None) -> Starlette:
    """Return the ASGI application; the index is loaded when it starts, unless `parts` are given."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.parts = parts if parts is not None else await asyncio.to_thread(build_parts, settings)
        app.state.executor = build_executor()
        # The rails hold without guardrails-ai too; nobody waits for the seconds that it takes to load.
        preparing = asyncio.create_task(asyncio.to_thread(_warm_up, settings))
        keeping_up = asyncio.create_task(_keep_up(app.state.parts.retriever, settings.data_dir))
        yield
        keeping_up.cancel()
        await preparing
        if app.state.parts.drafting is not None:
            await app.state.parts.drafting.model.close()

    app = Starlette(
        routes=[
            Route("/health", _health),
            Route("/webhook", _run_action, methods=["POST"]),
            Route("/answers", _stream_answer, methods=["POST"]),
        ],
        lifespan=lifespan,
        exception_handlers={Exception: _say_failure},
    )
    app.state.settings = settings
    return app


def _warm_up(settings: ActionsSettings) -> None:
    """Load what only the first answer would otherwise load, half a second of it for the grade alone."""
    for language in settings.languages:
        school_grade("Ready.", language)
    prepare_rails()


async def _keep_up(retriever: Retriever, data_dir: Path) -> None:
    """Take up what is imported while the process runs; answers under way end on what they began with."""
    while True:
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
        try:
            if await asyncio.to_thread(retriever.keep_up, data_dir):
                _LOG.info("took up the imported content, index %s", retriever.knowledge.imported_version or "none")
        except Exception as error:  # whatever is wrong with the new index, the old one answers
            _LOG.error("the imported content was not taken up: %s", _where(error))


async def _health(request: Request) -> Response:
    """Say that the index is loaded and which actions can be run."""
    executor: ActionExecutor = request.app.state.executor
    return JSONResponse({"status": "ok", "actions": len(executor.actions)})


async def _run_action(request: Request) -> Response:
    """Run one action for Rasa, with the status codes that Rasa expects of an action server."""
    call = await _read_json(request)
    if not isinstance(call, dict):
        return _error(400, "the request must be a JSON object")
    executor: ActionExecutor = request.app.state.executor
    name = call.get("next_action")
    try:
        result = await executor.run(call)
    except ActionExecutionRejection as error:
        return JSONResponse({"error": "the action declined", "action_name": error.action_name}, status_code=400)
    except ActionNotFoundException as error:
        return JSONResponse({"error": "there is no such action", "action_name": error.action_name}, status_code=404)
    except ActionMissingDomainException as error:
        return JSONResponse({"error": "send the domain again", "action_name": error.action_name}, status_code=449)
    except Exception as error:
        # The message of a foreign exception may hold a patient's words; its type and place never do.
        _LOG.error("action %s failed: %s", name, _where(error))
        return _error(500, f"the action failed: {type(error).__name__}")
    return JSONResponse(result.model_dump() if result is not None else None)


async def _stream_answer(request: Request) -> Response:
    """Stream the reviewed sentences of one answer as lines of JSON, the whole answer last."""
    settings: ActionsSettings = request.app.state.settings
    if not _is_authorised(request, settings):
        return _error(401, "the bearer token is missing or wrong")
    try:
        order = order_from_json(await _read_json(request), settings.languages[0])
    except ValueError as error:
        return _error(422, str(error))
    return StreamingResponse(_answer_lines(order, request.app.state.parts), media_type="application/x-ndjson")


async def _answer_lines(order: Order, parts: Parts) -> AsyncIterator[str]:
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    async def tell(position: int, sentence: ReviewedSentence) -> None:
        part = {"index": position, "text": sentence.text, "citations": list(sentence.citations)}
        await lines.put(_line({"sentence": part}))

    async def work() -> None:
        try:
            await lines.put(_line({"answer": await _whole_answer(order, parts, tell)}))
        except Exception as error:
            _LOG.error("answering %s failed: %s", order.message_id, _where(error))
            await lines.put(_line({"error": type(error).__name__}))
        finally:
            await lines.put(None)

    working = asyncio.create_task(work())
    try:
        while (line := await lines.get()) is not None:
            yield line
    finally:
        # The patient has left, or everything is said; either way nothing may go on thinking.
        working.cancel()


async def _whole_answer(order: Order, parts: Parts, tell: OnSentence) -> dict[str, Any]:
    """Return the answer with what is shown around it, or the question that the patient must be asked first."""
    order, chosen = await asyncio.to_thread(with_choice_read, order, parts)
    made = await answer_or_ask(order, parts, tell)
    if isinstance(made, Clarification):
        return made.as_json()
    answer = await asyncio.to_thread(
        answer_card, made, order.question, order.country, parts.retriever, parts.numbers, parts.choosing
    )
    return answer if chosen is None else answer | {"chosen": chosen.as_json()}


def _line(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False) + "\n"


async def _read_json(request: Request) -> Any:
    try:
        return await request.json()
    except (JSONDecodeError, UnicodeDecodeError):
        return None


def _is_authorised(request: Request, settings: ActionsSettings) -> bool:
    expected = f"Bearer {settings.internal_token.get_secret_value()}".encode()
    return hmac.compare_digest(request.headers.get("authorization", "").encode(), expected)


async def _say_failure(_: Request, error: Exception) -> Response:
    _LOG.error("a request failed: %s", _where(error))
    return _error(500, "this did not work; the log of the actions process says where")


def _error(status: int, problem: str) -> JSONResponse:
    return JSONResponse({"error": problem}, status_code=status)


def _where(error: Exception) -> str:
    """Return the type of the error and the place where it happened, never its message."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "unknown place"
    return f"{type(error).__name__} at {place}"


def main() -> int:
    """Serve until stopped; return 2 when a setting, a content file or the set-up is wrong."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for chatty in ("bm25s", "rasa_sdk", "httpx"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        settings = load_settings()
        parts = build_parts(settings)
    except (ActionsError, CareguardError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    uvicorn.run(
        create_app(settings, parts),
        host=settings.actions_host,
        port=settings.actions_port,
        log_level="warning",
        access_log=False,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
