"""A paid create under every fault starts one job and tells which; one key is one job: drivers of bench in short."""

import random

from bench import creates, idempotency


def test_creates_under_faults_start_one_job_each() -> None:
    seed = random.SystemRandom().randrange(10**6)
    outcomes = creates.run(7, seed)
    assert len(outcomes) == 7
    assert [one.wrong for one in outcomes if one.wrong] == [], seed


def test_one_key_by_many_callers_is_one_job_and_one_reply() -> None:
    seed = random.SystemRandom().randrange(10**6)
    told, wrong = idempotency.run(2, random.Random(seed), kills=1)
    assert (wrong, told["200"]) == ([], 2 * idempotency.CALLERS), seed
    nothing_sent = "502 upstream_unreachable"  # a crowded machine takes longer to connect than CONNECT_TIMEOUT
    assert {*told} <= {"200", "409 idempotency_in_progress", "no answer", nothing_sent}, seed
