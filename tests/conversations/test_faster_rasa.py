"""What was made faster in Rasa decides exactly as before."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from bot.data_folder import DataFolder
from bot.dialogue import launch
from bot.preparation import DIALOGUE_PYTHON, trained_model
from tests.conversations.dialogue import REPOSITORY, RunningDialogue

READ_BOTH_WAYS = """
import asyncio, json, sys
from without_tensorflow import stand_in_for_tensorflow
stand_in_for_tensorflow()
from rasa.core.agent import load_agent

TEXTS = ["hello", "what is asthma?", "quiero hablar con una persona", "¿qué es la diabetes?", "xyzzy", "no"]

async def read():
    agent = await load_agent(sys.argv[1])
    return [await agent.parse_message(text) for text in TEXTS]

stock = asyncio.run(read())
from extensions.faster_rasa import do_repeated_work_once
do_repeated_work_once()
print(json.dumps([stock, asyncio.run(read())]))
"""


@pytest.mark.timeout(600)
def test_texts_are_understood_exactly_as_by_rasa_as_it_comes(dialogue: RunningDialogue) -> None:
    """The dialogue that runs has trained the model; stock Rasa and ours read it in turn."""
    model = trained_model(DataFolder(REPOSITORY / ".bedside"))
    finished = subprocess.run(
        [str(DIALOGUE_PYTHON), "-W", "ignore", "-c", READ_BOTH_WAYS, str(model)],
        env={**os.environ, **launch.environment(dialogue.redis_url, "token", "http://127.0.0.1:9/webhook", 60)},
        cwd=REPOSITORY / "bot" / "dialogue",
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    stock, ours = json.loads(finished.stdout.splitlines()[-1])
    assert [read["intent"]["name"] for read in ours] == [read["intent"]["name"] for read in stock]
    for one, other in zip(ours, stock, strict=True):
        assert one["entities"] == other["entities"]
        assert [rank["name"] for rank in one["intent_ranking"]] == [rank["name"] for rank in other["intent_ranking"]]
        assert one["intent"]["confidence"] == pytest.approx(other["intent"]["confidence"], abs=1e-9)
