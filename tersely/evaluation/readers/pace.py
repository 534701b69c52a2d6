"""Keep requests apart in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """Lets threads go on one by one, evenly spaced."""

    def __init__(
        self,
        per_minute: float | None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Space them.

        Args:
            per_minute: How many per minute, above 0; None is any number.
            sleep: Waits some seconds.
            clock: Says the time, in seconds.
        """
        self._apart = 60.0 / per_minute if per_minute else 0.0
        self._sleep, self._clock = sleep, clock
        self._next = clock()
        self._mutex = threading.Lock()

    def wait(self) -> None:
        """Return when it is this thread's turn."""
        with self._mutex:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + self._apart
        if turn > now:
            self._sleep(turn - now)
