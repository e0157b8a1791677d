"""A loop of the engine's that hangs in a turn is told of: in the figures at once, in the log after a quarter hour."""

import logging
import threading
import time

import pytest
from flask import Flask

from engine.parts import Parts
from engine.pulse import LONG, Pulse
from engine.worker import Worker
from tests.fakes.ports import until


def told_age(app: Flask) -> float:
    lines = app.test_client().get("/metrics").get_data(as_text=True).splitlines()
    [line] = [one for one in lines if one.startswith('tune9527_engine_turn_seconds{loop="worker"}')]
    return float(line.split()[-1])


def test_a_worker_that_hangs_in_a_turn_is_seen_in_the_figures(hollow: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    worker: Worker = hollow.extensions["worker"]
    parts: Parts = hollow.extensions["engine"]
    stop, hangs, goes_on = threading.Event(), threading.Event(), threading.Event()

    def hang(*_: object) -> None:
        hangs.set()
        goes_on.wait()

    with monkeypatch.context() as patched:
        patched.setattr(parts.store, "oldest_job", hang)
        running = threading.Thread(target=worker.run, args=(stop, parts.pulse.clock("worker"), 0.01))
        running.start()
        hangs.wait()
        until(lambda: told_age(hollow) > 0.5)
    goes_on.set()
    until(lambda: told_age(hollow) < 0.5)
    stop.set()
    running.join()


def test_the_log_says_once_that_a_turn_takes_long_and_that_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    passed = [0.0]
    pulse, stop = Pulse(lambda: passed[0]), threading.Event()
    now = pulse.clock("worker")
    watching = threading.Thread(target=pulse.watch, args=(stop, 0.01))
    with caplog.at_level(logging.WARNING, "engine.pulse"):
        watching.start()
        passed[0] = LONG
        time.sleep(0.1)
        assert caplog.messages == []
        passed[0] = LONG + 61
        until(lambda: caplog.messages)
        time.sleep(0.1)
        assert caplog.messages == ["The loop 'worker' has stood in one turn for 16 minutes."]
        assert now() == pytest.approx(time.time(), abs=60)
        until(lambda: len(caplog.messages) > 1)
    stop.set()
    watching.join()
    assert caplog.messages[1:] == ["The loop 'worker' goes on again."]
