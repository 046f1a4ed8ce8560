"""The meaning layer inside the gateway: loaded behind the start, and missing without harm.

Beside screening. Until it is there, and when it cannot be loaded, the wordings alone decide; readiness and the metrics
say so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from careguard.errors import CareguardError
from careguard.meanings import MeaningReader

log = logging.getLogger(__name__)


class MeaningLayer:
    """Holds the reader from the moment on at which it is loaded."""

    def __init__(self, load: Callable[[], MeaningReader], on_failure: Callable[[], None]) -> None:
        self._load = load
        self.count_failure = on_failure
        self.reader: MeaningReader | None = None

    async def load(self) -> None:
        """Load the reader beside the loop; a failure is logged and counted, and screening goes on without it."""
        try:
            self.reader = await asyncio.to_thread(self._load)
        except (CareguardError, OSError) as error:
            self.count_failure()
            log.warning("the meaning layer cannot be loaded: %s; the wordings alone decide", error)
