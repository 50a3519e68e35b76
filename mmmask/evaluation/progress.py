"""Progress with a forecast, in the log."""

import time
from datetime import timedelta

from mmengine.logging import MMLogger


class Progress:
    """Logs how many items are done, how fast, and when it will end.

    Args:
        title: What is done.
        total: Items in all.
        interval: Seconds between two lines; work that is shorter logs nothing.
    """

    def __init__(self, title: str, total: int, interval: float = 10.0) -> None:
        self.title, self.total, self.interval = title, total, interval
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
            MMLogger.get_current_instance().info(
                f'{self.title} [{self.done}/{self.total}]  eta: {eta}  {speed:.0f} images/s'
            )
