"""The threads that share a step: each takes whole rows by itself, and they meet once a step; it computes nothing.

Threads inside matrix products meet thousands of times a step instead: for rows this short that gains nothing on idle
cores, and any other work on them makes everybody wait (docs/log.md).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Work = TypeVar("Work")
Outcome = TypeVar("Outcome")


class Crew:
    """As many threads as a batch has rows for; cores left over in plenty serve inside the matrix products.

    `working` is called after each piece of work.
    """

    def __init__(self, threads: int, batch_size: int, working: Callable[[], None] = lambda: None) -> None:
        self.size = max(1, min(threads, batch_size))
        inside = max(1, threads // (2 * self.size))
        torch.set_num_threads(inside)
        self._working = working
        self._pool = ThreadPoolExecutor(self.size, "crew", initializer=torch.set_num_threads, initargs=(inside,))

    def share(self, rows: Sequence[Work]) -> list[Sequence[Work]]:
        """Split a batch's rows, like lengths next to each other, evenly among the crew; no share is empty."""
        return [rows[start :: self.size] for start in range(min(self.size, len(rows)))]

    def work(self, task: Callable[[Work], Outcome], pieces: Sequence[Work]) -> list[Outcome]:
        """Do `task` on every piece, all at once; outcomes in the order of the pieces."""
        done = []
        for outcome in self._pool.map(task, pieces):
            done.append(outcome)
            self._working()
        return done
