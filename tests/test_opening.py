"""While the whole app is being made, what needs little is answered and everything else waits."""

import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import Client

from opening import Opening

ROOT = Path(__file__).resolve().parents[1]
FRONT = """
import sys
from app import create_front
from config import ServiceConfig
from observe.figures import Figures
client = create_front(ServiceConfig(), Figures()).test_client()
answer = client.get("/status", headers={"Host": "localhost"})
assert answer.json == {"info": "ok", "response": {}}, answer.json
assert client.get("/status", headers={"Host": "evil.example"}).status_code == 403
print(*sorted({"openai", "pydantic", "httpx2", "services", "numpy"} & {*sys.modules}))
"""
DOOMED = """
import time
from opening import Opening
def fail():
    raise OSError("no room for an app")
Opening(None, (), fail)
time.sleep(60)
"""


def app_that_says(word: str) -> Flask:
    app = Flask(word)
    app.add_url_rule("/status", view_func=lambda: word)
    app.add_url_rule("/chat", endpoint="chat", view_func=lambda: word)
    return app


def test_the_first_app_answers_its_paths_until_the_whole_one_is_there_and_others_wait() -> None:
    made = threading.Event()

    def make() -> Flask:
        made.wait()
        return app_that_says("whole")

    opening = Opening(app_that_says("first"), {"/status"}, make)

    def ask(path: str) -> str:
        return Client(opening).get(path).text

    assert ask("/status") == "first"
    with ThreadPoolExecutor() as callers:
        waiting: Future[str] = callers.submit(ask, "/chat")
        with pytest.raises(TimeoutError):
            waiting.result(0.1)
        assert ask("/status") == "first"
        made.set()
        assert waiting.result() == "whole"
    assert ask("/status") == "whole"


def test_a_process_whose_app_cannot_be_made_ends_and_says_why() -> None:
    ended = subprocess.run([sys.executable, "-c", DOOMED], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "no room for an app" in ended.stderr


def test_the_first_app_has_the_manners_of_the_service_and_imports_none_of_what_takes_long() -> None:
    told = subprocess.run([sys.executable, "-c", FRONT], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == ""
