"""`kill -9` of the trainer and of the engine at random: each job ends once, and nothing half-made or running is left.

The full form, fifty kills of each, is `python -m bench.kills`.
"""

from pathlib import Path

from bench import kills


def test_jobs_survive_kills_of_their_trainer_and_of_their_engine(tmp_path: Path) -> None:
    assert kills.measure(tmp_path, kills=2, seed=9527, epochs=20) == []
