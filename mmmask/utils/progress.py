"""Log progress with a forecast."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import timedelta

from mmengine.logging import MMLogger


def _log(line: str) -> None:
    MMLogger.get_current_instance().info(line)


def print_progress(line: str) -> None:
    """Print a line of progress to the error stream."""
    print(f'  {line}', file=sys.stderr, flush=True)


class Progress:
    """Says how many items are done, how fast, and when it will end.

    Args:
        title: What is done.
        total: Items in all.
        interval: Seconds between two lines; work that is shorter says nothing.
        sink: Takes each line; the log by default.
    """

    def __init__(
        self,
        title: str,
        total: int,
        interval: float = 10.0,
        sink: Callable[[str], None] = _log,
    ) -> None:
        self.title, self.total, self.interval, self.sink = title, total, interval, sink
        self.done = 0
        self.start = self.shown = time.monotonic()

    def advance(self, count: int) -> None:
        """Count items that are done."""
        self.done += count
        now = time.monotonic()
        if now - self.shown >= self.interval:
            self.shown = now
            speed = self.done / (now - self.start)
            eta = timedelta(seconds=round(max(0, self.total - self.done) / speed))
            rate = f'{speed:.0f}/s' if round(speed) else f'{1 / speed:.0f} s each'
            self.sink(f'{self.title} [{self.done}/{self.total}]  eta: {eta}  {rate}')
