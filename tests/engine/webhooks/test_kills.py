"""`kill -9` of the engine while a receiver fails half the time: every event arrives, none under two ids.

The full form, 1,000 events and 20 kills, is `python -m bench.webhooks`.
"""

from pathlib import Path

from bench.webhooks import drive


def test_no_event_is_lost_when_the_engine_is_killed_and_the_receiver_fails(tmp_path: Path) -> None:
    tally = drive(tmp_path, events=50, kills=3)
    assert (len(tally.wanted), tally.kills) == (50, 3)
    assert tally.lost == set()
    assert (tally.ids_changed, tally.unverified) == (0, 0)
    assert tally.refused > 10
    assert tally.attempts == tally.refused + sum(tally.taken.values())
    assert tally.duplicates <= tally.kills  # one delivery at a time goes to an endpoint
