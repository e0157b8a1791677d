"""No URL leads a webhook to this machine or its networks: not when it is set, not when it is sent to.

Two canaries listen on 127.0.0.1 and ::1 at one port, which the rules are told to be a permitted one, so that the
address alone stands between a URL and them. `DNS` is all that the fake resolver knows; numbers go to the real one.
"""

import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest
import requests
from flask import Flask

from engine.store import WEBHOOK_ENDPOINTS, Store
from engine.webhooks import sender, target
from engine.webhooks.deliveries import Deliveries
from engine.webhooks.endpoints import Endpoints
from engine.webhooks.sender import Sender, Unreachable
from tests.engine.webhooks.conftest import SUCCEEDED, add_running_job, end_job
from tests.fakes.receiver import Handler, Received, Receiver
from wire.errors import BadRequest
from wire.webhooks import WebhookCreate

PUBLIC = "93.184.216.34"
DNS = {
    "private.test": ["127.0.0.1"],
    "private6.test": ["::1"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "nat64.test": ["64:ff9b::7f00:1"],
    "sixtofour.test": ["2002:7f00:1::"],
    "metadata.test": ["169.254.169.254"],
    "mixed.test": [PUBLIC, "127.0.0.1"],
    "mixed6.test": [PUBLIC, "::1"],
    "scoped.test": ["fe80::1%lo"],
    "lan.test": ["192.168.1.1"],
    "odd.test": ["not an address"],
}
HOSTS = [
    *(
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
    ),
    *("127.255.255.254", "0", "0.0.0.0", "localhost", "LOCALHOST", "localhost.", "[::1]", "[::]"),
    *("[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]"),
    *("[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]"),
    *("10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "169.254.169.254"),
    *("2852039166", "0xa9fea9fe", "169.254.170.2", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "[fd00::1]"),
    *("[fe80::1]", "[fec0::1]", "[ff02::1]", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.0.1", "192.0.0.192"),
    *("198.18.0.1", "192.88.99.1", "192.0.2.1", "198.51.100.1", "203.0.113.1", "[2001:db8::1]", "[3fff::1]"),
    *DNS,
]
# What is refused for its form.
FORMS = [
    "http://127.0.0.1:{port}/",
    "http://{public}/",
    "https://{public}:9528/",
    "https://{public}:22/",
    "https://{public}@127.0.0.1:{port}/",
    "https://{public}:{port}@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}#@{public}/",
    "https://{public}\\@127.0.0.1:{port}/",
    "https://①②⑦.⓪.⓪.①:{port}/",
    "https://loc\talhost:{port}/",
    "https://%31%32%37.0.0.1:{port}/",
    "https://[fe80::1%25lo]:{port}/",
    "ftp://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/",
]


def lookup(host: str, port: int) -> list[str]:
    known = DNS.get(host)
    return known if known is not None else sender.resolve(host, port)


class Canaries:
    """Listeners that nobody may connect to; a connection is counted as soon as it is accepted by the system."""

    def __init__(self, stack: ExitStack) -> None:
        first = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port: int = first.getsockname()[1]
        self._all = [first]
        if socket.has_ipv6:
            second = socket.create_server(("::1", self.port), family=socket.AF_INET6)
            self._all.append(stack.enter_context(second))

    def connections(self) -> int:
        """How many came since the last call."""
        count = 0
        for one in self._all:
            one.settimeout(0.02)
            try:
                while True:
                    one.accept()[0].close()
                    count += 1
            except TimeoutError:
                pass
        return count


@pytest.fixture(scope="module")
def canaries() -> Iterator[Canaries]:
    with ExitStack() as stack:
        yield Canaries(stack)


@pytest.fixture(autouse=True)
def permitted(canaries: Canaries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "PORTS", (443, 8443, canaries.port))


def test_the_canaries_sing(canaries: Canaries) -> None:
    for host in ("127.0.0.1", "::1"):
        socket.create_connection((host, canaries.port)).close()
    assert canaries.connections() == 2
    assert len(HOSTS) + len(FORMS) >= 70
    with pytest.raises(Unreachable, match="no answer in time"):  # reached: it is the address that keeps others away
        Sender(frozenset({"private.test"}), lookup, seconds=0.2).post(f"https://private.test:{canaries.port}/", {}, b"")
    assert canaries.connections() == 1


@pytest.fixture(scope="module")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    store = Store(tmp_path_factory.mktemp("ssrf") / "facts.sqlite3")
    yield Endpoints(store, Sender(frozenset(), lookup))
    assert store.newest(WEBHOOK_ENDPOINTS, 1) == []
    store.close()


def refusal(endpoints: Endpoints, url: str) -> BadRequest:
    with pytest.raises(BadRequest) as refused:
        endpoints.create(WebhookCreate(event_types=[SUCCEEDED], name="x", url=url), 5)
    return refused.value


@pytest.mark.parametrize("host", HOSTS)
def test_a_private_host_is_refused_when_it_is_set_and_when_it_is_sent_to(
    endpoints: Endpoints, canaries: Canaries, host: str
) -> None:
    url = f"https://{host}:{canaries.port}/"
    error = refusal(endpoints, url)
    assert (error.code, error.param) == ("webhook_target_not_allowed", "url")
    with pytest.raises(Unreachable, match="private address"):
        Sender(frozenset(), lookup, seconds=0.5).post(url, {}, b"{}")
    assert canaries.connections() == 0


@pytest.mark.parametrize("form", FORMS)
def test_a_url_of_another_form_is_refused_twice(endpoints: Endpoints, canaries: Canaries, form: str) -> None:
    url = form.format(port=canaries.port, public=PUBLIC)
    assert refusal(endpoints, url).code in ("invalid_value", "webhook_target_not_allowed")
    with pytest.raises(BadRequest):
        Sender(frozenset(), lookup, seconds=0.5).post(url, {}, b"{}")
    assert canaries.connections() == 0


def test_a_name_that_turns_private_after_it_was_set_is_not_sent_to(canaries: Canaries) -> None:
    answers = [[PUBLIC], ["127.0.0.1"], ["::1"]]
    flipping = Sender(frozenset(), lambda *_: answers.pop(0), seconds=0.5)
    url = f"https://flips.test:{canaries.port}/"
    flipping.check(url)
    for _ in range(2):
        with pytest.raises(Unreachable, match="private address"):
            flipping.post(url, {}, b"{}")
    assert canaries.connections() == 0


class Naive(Sender):
    """Checks a name and lets the library look it up anew, which is the mistake that ours avoids."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.check(url)
        return requests.post(url, body, headers=headers, timeout=0.5).status_code


@pytest.mark.parametrize(("kind", "reached"), [(Naive, 1), (Sender, 0)])
def test_a_name_that_turns_private_after_the_check_is_not_asked_again(
    canaries: Canaries, monkeypatch: pytest.MonkeyPatch, kind: type[Sender], reached: int
) -> None:
    """The address that was checked is the one that is connected to: between them nobody resolves."""
    asked, answers = list[str](), [PUBLIC, "127.0.0.1"]

    def look_up(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        if host != "flips.test":
            raise OSError("no route to it from here")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers.pop(0), port))]

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    with pytest.raises((Unreachable, requests.RequestException)):
        kind(frozenset()).post(f"https://flips.test:{canaries.port}/", {}, b"{}")
    assert canaries.connections() == reached
    assert asked == ["flips.test", "flips.test" if reached else PUBLIC]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_receiver_cannot_send_a_delivery_on_to_the_inside(
    app: Flask, store: Store, receiver: Receiver, canaries: Canaries, status: int
) -> None:
    def away(_: Received, handler: Handler) -> None:
        handler.send_response(status)
        handler.send_header("Location", f"https://127.0.0.1:{canaries.port}/")
        handler.end_headers()

    receiver.answer = away
    body = {"event_types": [SUCCEEDED], "name": "x", "url": receiver.url}
    assert app.test_client().post("/v1/webhook_endpoints", json=body).status_code == 200
    add_running_job(store, "ftjob-1")
    now = store.newest(WEBHOOK_ENDPOINTS, 1)[0]["created_at"]
    assert end_job(store, "ftjob-1", now)
    deliveries: Deliveries = app.extensions["deliveries"]
    deliveries.turn(now)
    deliveries.settle()
    assert (len(receiver.got), canaries.connections()) == (1, 0)
