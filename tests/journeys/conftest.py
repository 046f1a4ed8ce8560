"""One running product for all journeys; those that break things start their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.chat import Chat, chatting
from tests.journeys.stack import RunningBedside, running_bedside


@pytest.fixture(scope="session")
def bedside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBedside]:
    """The whole product, started once with `bedside up`."""
    with running_bedside(tmp_path_factory.mktemp("bedside")) as running:
        yield running


@pytest.fixture
async def chat(bedside: RunningBedside) -> AsyncIterator[Chat]:
    """A patient in the United States who has given consent."""
    async with chatting(bedside.address, country="US") as patient:
        await patient.agree()
        yield patient


@pytest.fixture
async def stranger(bedside: RunningBedside) -> AsyncIterator[Chat]:
    """A patient who writes for the first time."""
    async with chatting(bedside.address, country="US") as patient:
        yield patient
