"""One running dialogue for all conversations; a new patient for each."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.preparation import DIALOGUE_PYTHON
from tests.conversations.dialogue import Chat, RunningDialogue, running_dialogue
from tests.store import running_store

TRAINING_AND_START_S = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give time for training to whichever test is the first to need the dialogue."""
    for item in items:
        if "dialogue" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(TRAINING_AND_START_S))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def dialogue(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningDialogue]:
    """The dialogue process, started once."""
    if not DIALOGUE_PYTHON.exists():
        pytest.skip("the dialogue environment is not built; run `make up` or `make test` once")
    async with (
        running_store() as redis_url,
        running_dialogue(tmp_path_factory.mktemp("dialogue"), redis_url) as running,
    ):
        yield running


@pytest.fixture
def chat(dialogue: RunningDialogue) -> Chat:
    """A patient who has never written before."""
    return Chat(dialogue)
