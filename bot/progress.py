"""What whoever starts Bedside sees: every step with the time it takes.

Before the line. On a terminal a line moves; elsewhere (a log, a merge check) each step is a line when it begins, now
and then while it goes on, and when it ends.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import TextIO

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_MOVES = 0.2
_CLEAR_LINE = "\r\033[K"


class Progress:
    """Shows steps, several at once if need be. Close it, or lines written by others may mix with the moving one."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._moves = stream.isatty()
        self._lock = threading.Lock()
        self._steps: dict[str, _Step] = {}
        self._closed = threading.Event()
        self._ticker: threading.Thread | None = None

    def say(self, line: str) -> None:
        """Write one line of its own."""
        with self._lock:
            self._write_line(line)

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show the title while the block runs, and how long it took afterwards."""
        self.begin(title)
        try:
            yield
        except Exception:
            self.end(title, "failed after")
            raise
        except BaseException:
            self.end(title, "stopped after")
            raise
        self.end(title)

    def begin(self, title: str) -> None:
        """Show a step as going on until it is ended."""
        with self._lock:
            self._steps[title] = _Step(time.monotonic())
            if not self._moves:
                self._write_line(f"{title} …")
            if self._ticker is None:
                self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)
                self._ticker.start()

    def note(self, title: str, so_far: str) -> None:
        """Show how far a step has come, such as `120 of 900`."""
        with self._lock:
            if title in self._steps:
                self._steps[title].so_far = so_far

    def end(self, title: str, word: str = "done in") -> None:
        """Show a step as ended; ending one that never began changes nothing."""
        with self._lock:
            step = self._steps.pop(title, None)
            if step is not None:
                self._write_line(f"{title}: {word} {step.elapsed_s:.1f} s")

    def close(self) -> None:
        """Stop moving; steps that are still going on vanish."""
        self._closed.set()
        if self._ticker is not None:
            self._ticker.join()
        with self._lock:
            self._steps.clear()

    def _tick(self) -> None:
        while not self._closed.wait(SECONDS_BETWEEN_MOVES):
            with self._lock:
                if self._moves:
                    self._move()
                else:
                    self._remind()

    def _move(self) -> None:
        if self._steps:
            self._stream.write(_CLEAR_LINE + " · ".join(step.line(title) for title, step in self._steps.items()))
            self._stream.flush()

    def _remind(self) -> None:
        for title, step in self._steps.items():
            if time.monotonic() - step.shown_at >= SECONDS_BETWEEN_LINES:
                step.shown_at = time.monotonic()
                self._write_line(step.line(title))

    def _write_line(self, line: str) -> None:
        self._stream.write(f"{_CLEAR_LINE if self._moves else ''}{line}\n")
        self._stream.flush()


class _Step:
    """One step that is going on."""

    def __init__(self, started: float) -> None:
        self.started = started
        self.shown_at = started
        self.so_far = ""

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.started

    def line(self, title: str) -> str:
        return f"{title} … {f'{self.so_far}, ' if self.so_far else ''}{self.elapsed_s:.0f} s"
