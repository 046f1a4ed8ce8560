"""Speed and memory, as ratios in one run: the whole Bedside turn beside a bare Rasa 3.6.21 with its stock parts.

    python -m tests.benchmarks            all of it, with the table for the README
    python -m tests.benchmarks --quick    smaller numbers, to see that it runs

Stock means: the same trained model, Rasa's own REST channel, RedisTrackerStore and RedisLockStore, on the same Valkey
and the same actions process. The two are measured in turn within one run, because machines are noisy.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
from rich.console import Console
from rich.table import Table

from bot.data_folder import DataFolder
from bot.dialogue import launch
from bot.preparation import DIALOGUE_PYTHON, trained_model
from tests.chat import Chat, chatting
from tests.journeys.stack import RunningBedside, running_bedside
from tests.store import free_port

TALK = (
    "hello",
    "what can you do?",
    "simpler please",
    "thank you",
    "let us talk in English",
    "are you a robot?",
    "more detail please",
    "what do you know about me?",
    "hello again",
    "goodbye",
)
"""Ten turns that need no answer from the content, so that dialogue is what is compared; half of them run an action."""

Who = TypeVar("Who")

QUESTIONS = ("What is high blood pressure?", "What is asthma?", "How can I sleep better?", "What is an A1C test?")
EMERGENCY = "I have crushing chest pain and my left arm is numb"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured line of the table."""

    what: str
    ours: str
    stock: str
    ratio: str
    target: str
    met: bool


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much of everything is measured."""

    talks: int
    patients: int
    long_turns: int
    emergencies: int
    answers: int


FULL = Amounts(talks=10, patients=50, long_turns=500, emergencies=60, answers=40)
QUICK = Amounts(talks=2, patients=5, long_turns=30, emergencies=8, answers=6)


@contextlib.contextmanager
def stock_rasa(bedside: RunningBedside) -> Iterator[str]:
    """Give the address of a Rasa with its stock channel and stores, on the same model, store and actions."""
    store_port = bedside.environment["BEDSIDE_STORE_PORT"]
    password = (bedside.folder / "secrets" / "bedside_store_password").read_text(encoding="utf-8").strip()
    actions = f"http://127.0.0.1:{bedside.environment['BEDSIDE_ACTIONS_PORT']}/webhook"
    token = (bedside.folder / "secrets" / "bedside_internal_token").read_text(encoding="utf-8").strip()
    redis = f"{{type: redis, url: 127.0.0.1, port: {store_port}, db: 1, password: '{password}'}}"
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="stock-rasa-") as folder:
        endpoints, credentials = Path(folder) / "endpoints.yml", Path(folder) / "credentials.yml"
        endpoints.write_text(
            f"tracker_store: {redis}\nlock_store: {redis}\n"
            f"action_endpoint: {{url: '{actions}', headers: {{Authorization: 'Bearer {token}'}}}}\n",
            encoding="utf-8",
        )
        credentials.write_text("rest:\n", encoding="utf-8")
        command = launch.run_command(DIALOGUE_PYTHON, trained_model(DataFolder(bedside.folder)), "127.0.0.1", port)
        command[command.index("--endpoints") + 1] = str(endpoints)
        command[command.index("--credentials") + 1] = str(credentials)
        variables = launch.environment(f"redis://127.0.0.1:{store_port}/1", token, actions, 86_400)
        process = subprocess.Popen(
            command, env=os.environ | variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            deadline = time.monotonic() + 120
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if httpx.get(f"http://127.0.0.1:{port}/", timeout=1).status_code == 200:
                        break
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("the stock Rasa did not start")
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=20)


async def stock_turn(client: httpx.AsyncClient, sender: str, text: str) -> float:
    """Return the seconds of one stock turn."""
    started = time.perf_counter()
    response = await client.post("/webhooks/rest/webhook", json={"sender": sender, "message": text})
    response.raise_for_status()
    return time.perf_counter() - started


async def our_turn(chat: Chat, text: str, kind: str | None = None) -> float:
    """Return the seconds from a message stored to its reply read from the outbox."""
    await chat.patient(text)
    started = time.perf_counter()
    wanted = {"kind": kind} if kind else {}
    await chat.expect_answer_to_last(timeout_s=120, **wanted)
    return time.perf_counter() - started


async def compare_turns(bedside: RunningBedside, stock: str, amounts: Amounts) -> Figure:
    """One patient after the other, ours and stock in turn."""
    ours: list[float] = []
    theirs: list[float] = []
    async with httpx.AsyncClient(base_url=stock, timeout=60) as client:
        for talk in range(amounts.talks):
            async with chatting(bedside.address) as chat:
                await chat.agree()
                await stock_turn(client, f"talk-{talk}", "hello")
                for text in TALK:
                    theirs.append(await stock_turn(client, f"talk-{talk}", text))
                    ours.append(await our_turn(chat, text))
    return _ratio("Turn without a model, p50", statistics.median(ours), statistics.median(theirs), 1.0)


async def compare_throughput(bedside: RunningBedside, stock: str, amounts: Amounts) -> Figure:
    """All patients at once, each through ten turns; the two sides one after the other."""

    async def ours() -> None:
        async with contextlib.AsyncExitStack() as stack:
            chats = [await stack.enter_async_context(chatting(bedside.address)) for _ in range(amounts.patients)]
            await asyncio.gather(*(chat.agree() for chat in chats))
            timed["ours"] = await _timed(chats, lambda chat, text: our_turn(chat, text))

    async def theirs() -> None:
        async with httpx.AsyncClient(
            base_url=stock, timeout=300, limits=httpx.Limits(max_connections=amounts.patients)
        ) as client:
            senders = [f"crowd-{number}" for number in range(amounts.patients)]
            timed["theirs"] = await _timed(senders, lambda sender, text: stock_turn(client, sender, text))

    timed: dict[str, float] = {}
    await ours()
    await theirs()
    turns = amounts.patients * len(TALK)
    our_rate, their_rate = turns / timed["ours"], turns / timed["theirs"]
    ratio = our_rate / their_rate
    return Figure(
        f"{amounts.patients} patients at once, turns per second",
        f"{our_rate:.0f}",
        f"{their_rate:.0f}",
        f"{ratio:.2f}",
        "≥ 2.5",
        ratio >= 2.5,
    )


async def compare_long_conversations(bedside: RunningBedside, stock: str, amounts: Amounts) -> list[Figure]:
    """One conversation of many turns on each side; the last ten turns beside stock's, and beside our own turn 10."""
    ours: list[float] = []
    theirs: list[float] = []
    async with httpx.AsyncClient(base_url=stock, timeout=120) as client, chatting(bedside.address) as chat:
        await chat.agree()
        for number in range(amounts.long_turns):
            text = TALK[number % len(TALK)]
            ours.append(await our_turn(chat, text))
            theirs.append(await stock_turn(client, "long", text))
    last_ours, last_theirs = statistics.median(ours[-20:]), statistics.median(theirs[-20:])
    early = statistics.median(ours[5:15])
    against_own = last_ours / early
    return [
        _ratio(f"Turn {amounts.long_turns} of one conversation", last_ours, last_theirs, 0.25),
        Figure(
            f"Turn {amounts.long_turns} beside our own turn 10",
            _ms(last_ours),
            _ms(early),
            f"{against_own:.2f}",
            "≤ 3",
            against_own <= 3,
        ),
    ]


async def emergency_under_load(bedside: RunningBedside, amounts: Amounts) -> Figure:
    """Emergency replies while twenty answers are being made, beside an idle machine."""

    async def emergencies() -> list[float]:
        times = []
        for _ in range(amounts.emergencies):
            async with chatting(bedside.address) as chat:
                times.append(await our_turn(chat, EMERGENCY, "emergency"))
        return times

    idle = await emergencies()
    # The crowd is a process of its own, so that what is measured is the product and not the one who measures.
    crowd = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.benchmarks", "--crowd", bedside.address)
    try:
        await asyncio.sleep(6)
        loaded = await emergencies()
        assert crowd.returncode is None, "the crowd went home"
    finally:
        crowd.terminate()
        await crowd.wait()
    ratio = _p99(loaded) / _p99(idle)
    return Figure(
        "Emergency reply p99, 20 answers running (stock column: idle)",
        _ms(_p99(loaded)),
        _ms(_p99(idle)),
        f"{ratio:.2f}",
        "≤ 2",
        ratio <= 2,
    )


async def be_a_crowd(address: str) -> None:
    """Have twenty answers made at any time, until told to stop."""
    async with contextlib.AsyncExitStack() as stack:
        chats = [await stack.enter_async_context(chatting(address)) for _ in range(20)]
        await asyncio.gather(*(chat.agree() for chat in chats))
        await asyncio.gather(*(_ask_on(chat) for chat in chats))


async def answer_time(bedside: RunningBedside, amounts: Amounts) -> Figure:
    """From a question stored to its whole verbatim answer in the outbox."""
    times = []
    async with chatting(bedside.address) as chat:
        await chat.agree()
        for number in range(amounts.answers):
            times.append(await our_turn(chat, QUESTIONS[number % len(QUESTIONS)], "answer"))
    median = statistics.median(times)
    return Figure("Verbatim answer, p50", _ms(median), "", "", "≤ 150 ms", median <= 0.150)


def memory(bedside: RunningBedside) -> Figure:
    """Resident memory of every process, idle."""
    sizes = bedside.resident_bytes()
    total = sum(sizes.values())
    parts = ", ".join(f"{name} {size / 2**20:.0f}" for name, size in sizes.items())
    return Figure(f"Resident memory idle, MiB ({parts})", f"{total / 2**20:.0f}", "", "", "≤ 2048", total <= 2 * 2**30)


async def run(amounts: Amounts, console: Console) -> list[Figure]:
    """Measure everything and return the figures."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="bedside-bench-") as name:
        with running_bedside(Path(name)):
            pass  # the first start prepares; the second is the one that counts
        started = time.monotonic()
        with running_bedside(Path(name)) as bedside:
            ready_s = time.monotonic() - started
            figures.append(Figure("Second start to ready", f"{ready_s:.1f} s", "", "", "≤ 30 s", ready_s <= 30))
            figures.append(memory(bedside))
            with stock_rasa(bedside) as stock:
                for measure in (compare_turns, compare_throughput):
                    console.print(measure.__name__)
                    figures.append(await measure(bedside, stock, amounts))
                console.print("compare_long_conversations")
                figures.extend(await compare_long_conversations(bedside, stock, amounts))
            console.print("answers")
            figures.append(await answer_time(bedside, amounts))
            console.print("emergencies")
            figures.append(await emergency_under_load(bedside, amounts))
    return figures


async def _timed(who: Sequence[Who], turn: Callable[[Who, str], Awaitable[float]]) -> float:
    async def talk(one: Who) -> None:
        for text in TALK:
            await turn(one, text)

    started = time.perf_counter()
    await asyncio.gather(*(talk(one) for one in who))
    return time.perf_counter() - started


async def _ask_on(chat: Chat) -> None:
    number = 0
    while True:
        await our_turn(chat, QUESTIONS[number % len(QUESTIONS)])
        number += 1


def _ratio(what: str, ours_s: float, theirs_s: float, target: float) -> Figure:
    ratio = ours_s / theirs_s
    return Figure(what, _ms(ours_s), _ms(theirs_s), f"{ratio:.2f}", f"≤ {target:g}", ratio <= target)


def _p99(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[98]


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def main() -> int:
    """Print the table, write it to `reports/benchmarks.json`, and return 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller numbers, to see that it runs")
    parser.add_argument("--crowd", metavar="ADDRESS", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.crowd:
        os.nice(5)
        asyncio.run(be_a_crowd(given.crowd))
    amounts = QUICK if given.quick else FULL
    console = Console()
    figures = asyncio.run(run(amounts, console))
    table = Table("What", "Bedside", "Stock Rasa", "Ratio", "Target", "Met")
    for figure in figures:
        table.add_row(
            figure.what, figure.ours, figure.stock, figure.ratio, figure.target, "yes" if figure.met else "no"
        )
    console.print(table)
    reports = Path("reports")
    reports.mkdir(exist_ok=True)
    lines = [
        {"what": f.what, "ours": f.ours, "stock": f.stock, "ratio": f.ratio, "target": f.target, "met": f.met}
        for f in figures
    ]
    (reports / "benchmarks.json").write_text(json.dumps(lines, indent=2, ensure_ascii=False), encoding="utf-8")
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
