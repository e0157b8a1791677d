"""How fast a training goes on, and which of its steps are told already; it reads no clock."""

from collections.abc import Collection


class Pace:
    """How fast one child trains, and which steps are told already; a resumed child tells its earlier steps again."""

    def __init__(self, began: int | None = None, told: Collection[int] = ()) -> None:
        self.began = began
        self._told = frozenset(told)
        self._first: tuple[int, int] | None = None

    def is_new(self, step: int) -> bool:
        """Say whether the step is not told yet."""
        return step not in self._told

    def estimate(self, step: int, total: int, now: int) -> int | None:
        """Return when the training will end if it goes on as it did since this child's first new step."""
        if self._first is None:
            self._first = (step, now)
            return None
        first, since = self._first
        return now + round((total - step) * (now - since) / max(1, step - first))

    def whole(self, finish: int | None) -> int | None:
        """Return the seconds that the whole job takes if it ends at `finish`; None if unknown, as of a resumed one."""
        return None if finish is None or self.began is None or self._told else finish - self.began
