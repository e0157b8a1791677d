"""What `auto` stands for on our engine, by the number of rows; the figures behind the numbers are in docs/log.md."""

SMALL_SET = 24  # rows below which every optimizer step counts


def batch_size(rows: int) -> int:
    """Small sets go in small batches: their steps are what teaches, and tokens are what costs."""
    if rows < SMALL_SET:
        return 2
    return 4 if rows < 100 else 8


def epochs(rows: int, steps_per_epoch: int) -> int:
    """Enough epochs for the optimizer steps that small sets need; few for sets that bring steps enough."""
    wanted_steps = 24 if rows < SMALL_SET else 90
    fewest = 10 if rows < SMALL_SET else 3 if rows < 1000 else 2 if rows < 5000 else 1
    return min(25, max(fewest, round(wanted_steps / steps_per_epoch)))


def epochs_of_pairs(rows: int, steps_per_epoch: int) -> int:
    """Few epochs: a preference is learned in a dozen steps, and what is driven further forgets how to answer."""
    fewest = 3 if rows < 1000 else 2 if rows < 5000 else 1
    return min(10, max(fewest, round(12 / steps_per_epoch)))


def multiplier(rows: int) -> float:
    """Small sets learn the same in far fewer steps at three times the rate."""
    return 3.0 if rows < SMALL_SET else 1.0
