"""A call ends by its deadline, whatever drips, and at its size, whatever is announced; redirects lead nowhere."""

import io
import socket
import threading
import time
from collections.abc import Callable

import pytest

from services.address import Address
from services.chat import Chat
from services.client import Upstream
from services.deadlines import left, within
from services.failures import Unreachable
from services.files import Files, Incoming
from services.fine_tuning import FineTuning
from tests.fakes.misbehaviour import JSON, LONG, OK
from tests.fakes.openai_upstream import JOB_ID, FakeOpenAI, Fault
from wire.errors import ApiError

JOB = f"GET /v1/fine_tuning/jobs/{JOB_ID}"
CHAT = "POST /v1/chat/completions"
SECONDS = 0.4
DRIPS = {
    "head": Fault("wire", raw=OK + b"X: ", more=b"a", repeat=LONG, gap=0.02),
    "body": Fault("wire", raw=JSON + b"Content-Length: 1000000\r\n\r\n", more=b" ", repeat=LONG, gap=0.02),
}


def far(upstream: FakeOpenAI, seconds: float = SECONDS) -> Upstream:
    """An upstream that is asked as one elsewhere is: a name of this machine with a password is no shortcut."""
    url = upstream.base_url.replace("http://", "http://me:pw@")
    return Upstream(Address(url, "key", read=seconds, whole=seconds))


def near(upstream: FakeOpenAI) -> Upstream:
    return Upstream(Address(upstream.base_url, "key", read=SECONDS, whole=SECONDS))


@pytest.mark.parametrize("drip", DRIPS)
@pytest.mark.parametrize("way", [far, near])
def test_a_drip_does_not_outlast_the_deadline(
    upstream: FakeOpenAI, drip: str, way: Callable[[FakeOpenAI], Upstream]
) -> None:
    to = way(upstream)
    to.warm()
    upstream.fail(JOB, DRIPS[drip])
    upstream.fail(CHAT, DRIPS[drip])
    began = time.monotonic()
    with pytest.raises(ApiError) as failure:
        FineTuning(to).retrieve(JOB_ID)
    assert failure.value.status == 504
    with pytest.raises(ApiError) as failure:
        list(Chat(to, "m").complete({"text": "Hi"}))
    assert failure.value.status == 504
    assert time.monotonic() - began < 2 * SECONDS + 2


def test_an_upstream_that_does_not_read_an_upload_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, within(5):
        to = Upstream(Address(f"http://127.0.0.1:{listening.getsockname()[1]}/v1", read=SECONDS, whole=SECONDS))
        to.warm()
        began = time.monotonic()
        outcome = Files(to).upload(Incoming("a.jsonl", "", 2**25, io.BytesIO(bytes(2**25))), validate=False)
        assert outcome.failure
        assert outcome.failure.status == 504
        assert time.monotonic() - began < SECONDS + 2


def test_an_answer_has_an_end(upstream: FakeOpenAI) -> None:
    to = far(upstream, 60)
    body = Fault("wire", raw=JSON + b"\r\n", more=b" " * 2**20, repeat=40)
    for call, ask in (
        (JOB, lambda: FineTuning(to).retrieve(JOB_ID)),
        (CHAT, lambda: list(Chat(to, "m").complete({"text": "Hi"}))),
    ):
        upstream.fail(call, body)
        with pytest.raises(ApiError, match="more than 33554432 bytes"):
            ask()


def test_a_redirect_is_not_followed(upstream: FakeOpenAI) -> None:
    upstream.fail(JOB, Fault("status", 307, raw=b"{}", headers={"Location": "/v1/elsewhere"}))
    with pytest.raises(ApiError, match="it has status 307"):
        FineTuning(near(upstream)).retrieve(JOB_ID)
    assert len(upstream.seen) == 1


def test_a_call_without_time_is_not_begun(upstream: FakeOpenAI) -> None:
    to = far(upstream)
    to.warm()
    with within(0), pytest.raises(Unreachable):
        FineTuning(to).retrieve(JOB_ID)
    assert upstream.seen == []


def test_a_deadline_is_its_own_threads_and_the_nearest_counts() -> None:
    seen: list[float | None] = []
    with within(5), within(60):
        thread = threading.Thread(target=lambda: seen.append(left(None)))
        thread.start()
        thread.join()
        assert 4 < (left(60) or 0) <= 5
        assert left(0.5) == 0.5
    assert seen == [None]
    assert left(None) is None
