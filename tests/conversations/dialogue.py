"""A real dialogue for tests: Rasa with our channel, the actions' webhook, a Valkey; and a patient who talks with it.

await chat.patient("hello")
chat.expect_reply("welcome")
"""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from actions.app import build_executor
from bot.data_folder import DataFolder
from bot.dialogue import launch
from bot.preparation import DIALOGUE_PYTHON, train_dialogue, trained_model
from bot.progress import Progress
from careguard.strict_yaml import read_yaml
from tests.serving import serving
from tests.store import free_port

REPOSITORY = Path(__file__).resolve().parents[2]
TOKEN = "a-token-for-tests"
ROLL_OVER_TURNS = 12
START_S = 90


@dataclass
class RunningDialogue:
    """One dialogue process and what stands around it."""

    client: httpx.AsyncClient
    redis_url: str
    process: asyncio.subprocess.Process
    actions_port: int
    log: Path
    wording: dict[str, Any]
    actions_failure: str | None = None
    """`breaks` answers 500, `declines` 400, `nonsense` 200 with no JSON, `slow` after a minute."""
    _actions: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start_actions(self) -> None:
        """Serve the actions' webhook."""
        await self._actions.enter_async_context(serving(self._webhook(), port=self.actions_port))

    async def stop_actions(self) -> None:
        """Let nobody listen where the actions' webhook was."""
        await self._actions.aclose()

    def _webhook(self) -> Starlette:
        executor = build_executor()

        async def webhook(request: Request) -> Response:
            call = await request.json()
            match self.actions_failure:
                case "breaks":
                    return JSONResponse({"error": "broken", "request": call}, status_code=500)
                case "declines":
                    return JSONResponse({"error": "declined", "action_name": call["next_action"]}, status_code=400)
                case "nonsense":
                    return PlainTextResponse("what?")
                case "slow":
                    await asyncio.sleep(60)
            result = await executor.run(call)
            return JSONResponse(result.model_dump() if result is not None else None)

        return Starlette(routes=[Route("/webhook", webhook, methods=["POST"])])

    def resident_bytes(self) -> int:
        """Return the resident memory of the dialogue process."""
        return int(psutil.Process(self.process.pid).memory_info().rss)


@dataclass
class Chat:
    """One patient; every message of dialogue must be of a known shape and name words that exist."""

    dialogue: RunningDialogue
    sender: str = field(default_factory=lambda: f"test.{uuid.uuid4().hex}")
    messages: list[dict[str, Any]] = field(default_factory=list)
    last_message_id: str = ""

    async def post(self, **body: Any) -> httpx.Response:
        """Send one turn and return the raw answer."""
        self.last_message_id = uuid.uuid4().hex
        full = {"sender": self.sender, "message_id": self.last_message_id, "language": "en", "country": "US", **body}
        return await self.dialogue.client.post("/turn", json=full)

    async def patient(self, *texts: str) -> None:
        """Write these texts, one after another; the messages of the last one can be expected."""
        for text in texts:
            self._take(await self.post(text=text, intent=None))

    async def tap(self, payload: str) -> None:
        """Tap the button with this payload."""
        button = self.dialogue.wording["buttons"][payload]
        await self.told(button["intent"], **button.get("entities", {}))

    async def told(self, intent: str, **entities: str) -> None:
        """Let the gateway tell dialogue something that was decided before it."""
        self._take(await self.post(text=intent, intent={"name": intent, "entities": entities}))

    async def no_answer_was_found(self) -> None:
        """Let the gateway tell that answering abstained from the last order."""
        await self.told("no_answer_found", if_no_answer=self.order["if_no_answer"])

    async def answer_was_given(self, topic: str) -> None:
        """Let the gateway write the finished answer back."""
        events = [
            {"event": "bot", "text": "An answer.", "metadata": {"kind": "answer"}},
            {"event": "slot", "name": "topic", "value": topic},
        ]
        response = await self.dialogue.client.post("/events", json={"sender": self.sender, "events": events})
        assert response.status_code == 200, response.text

    async def gateway_wrote(self, *events: dict[str, Any]) -> None:
        """Let the gateway write these events into the conversation."""
        response = await self.dialogue.client.post("/events", json={"sender": self.sender, "events": list(events)})
        assert response.status_code == 200, response.text

    async def agree(self) -> None:
        """Meet the bot and give consent."""
        await self.patient("hello")
        await self.tap("consent:yes")

    @property
    def replies(self) -> list[str]:
        """The ids of the replies of the last turn."""
        return [message["reply"] for message in self.messages if "reply" in message]

    @property
    def order(self) -> dict[str, Any]:
        """The one order of the last turn."""
        orders = [message["order"] for message in self.messages if "order" in message]
        assert len(orders) == 1, f"expected one order, got {self.messages}"
        return dict(orders[0])

    def expect_reply(self, *reply_ids: str) -> None:
        """The last turn said exactly these replies, in this order."""
        assert self.replies == list(reply_ids), f"expected {reply_ids}, got {self.messages}"

    def expect_order(self, **wanted: Any) -> None:
        """The last turn ordered an answer like this."""
        order = self.order
        assert {key: order.get(key) for key in wanted} == wanted, order

    def expect_no_order(self) -> None:
        """The last turn ordered nothing."""
        assert not [message for message in self.messages if "order" in message], self.messages

    def expect_handoff(self, **wanted: Any) -> None:
        """The last turn called a person like this."""
        handoffs = [message["handoff"] for message in self.messages if "handoff" in message]
        assert len(handoffs) == 1, f"expected one handoff, got {self.messages}"
        assert {key: handoffs[0].get(key) for key in wanted} == wanted, handoffs[0]

    def expect_no_handoff(self) -> None:
        """The last turn called nobody."""
        assert not [message for message in self.messages if "handoff" in message], self.messages

    def expect_effect(self, name: str, **values: Any) -> None:
        """The last turn asked the gateway for this."""
        effects = [message["effect"] for message in self.messages if "effect" in message]
        assert {"name": name, **values} in effects, self.messages

    def expect_no_effect(self, name: str) -> None:
        """The last turn did not ask the gateway for this."""
        assert name not in [message["effect"]["name"] for message in self.messages if "effect" in message]

    def _take(self, response: httpx.Response) -> None:
        assert response.status_code == 200, response.text
        self.messages = response.json()["messages"]
        for message in self.messages:
            assert len(message) == 1, message
            assert set(message) <= {"reply", "order", "handoff", "effect"}, message
        unknown = set(self.replies) - set(self.dialogue.wording["replies"])
        assert not unknown, f"no words for {unknown}"
        assert len(set(self.replies)) == len(self.replies), f"said twice in one turn: {self.replies}"


@asynccontextmanager
async def running_dialogue(
    folder: Path, redis_url: str, *, turn_timeout_s: float = 10.0
) -> AsyncIterator[RunningDialogue]:
    """Give a dialogue that is ready; the model is trained only when something that it depends on has changed."""
    model = _model()
    async with AsyncExitStack() as stack:
        actions_port, port = free_port(), free_port()
        variables = launch.environment(
            redis_url,
            TOKEN,
            f"http://127.0.0.1:{actions_port}/webhook",
            3600,
            roll_over_turns=ROLL_OVER_TURNS,
            turn_timeout_s=turn_timeout_s,
        )
        log = folder / "dialogue.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *launch.run_command(DIALOGUE_PYTHON, model, "127.0.0.1", port),
                env=os.environ | variables,
                cwd=folder,
                stdout=output,
                stderr=output,
            )
        stack.push_async_callback(_end, process)
        client = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}/webhooks/bedside",
                headers={"Authorization": f"Bearer {TOKEN}"},
                timeout=30,
                trust_env=False,
            )
        )
        wording = read_yaml(REPOSITORY / "locales" / "replies.yaml")
        dialogue = RunningDialogue(client, redis_url, process, actions_port, log, wording)
        await dialogue.start_actions()
        stack.push_async_callback(dialogue.stop_actions)
        await _until_ready(dialogue)
        yield dialogue


def _model() -> Path:
    folder = DataFolder(REPOSITORY / ".bedside")
    folder.models.mkdir(parents=True, exist_ok=True)
    train_dialogue(folder, Progress(sys.stderr))
    return trained_model(folder)


async def _until_ready(dialogue: RunningDialogue) -> None:
    async with asyncio.timeout(START_S):
        while True:
            if dialogue.process.returncode is not None:
                raise RuntimeError(f"the dialogue process ended: {dialogue.log.read_text(errors='replace')[-2000:]}")
            try:
                if (await dialogue.client.get("/health")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.2)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
    await process.wait()
