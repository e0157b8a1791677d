"""What goes out of the sender: one POST to a checked address by the host's name, in a bounded time, no more."""

import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.webhooks.sender import Sender, Unreachable, resolve
from tests.fakes.receiver import Handler, Received, Receiver

NAME = "hooks.example"
HEADERS = {"webhook-id": "wh_1", "User-Agent": "tune9527"}


def to_loopback(*_: object) -> list[str]:
    return ["127.0.0.1"]


def sender(seconds: float = 5.0, tls: ssl.SSLContext | None = None) -> Sender:
    """One whose settings allow the receiver by its name."""
    return Sender(frozenset({NAME}), to_loopback, seconds, tls)


def url(receiver: Receiver, scheme: str = "http") -> str:
    return f"{scheme}://{NAME}:{receiver.port}/hook?a=b"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for NAME in one file, made by openssl."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout - -out -"
    subject = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    made = subprocess.run([*make.split(), *subject], capture_output=True, check=True)
    path.write_bytes(made.stdout)
    return path


@pytest.fixture
def names_asked_for() -> list[str | None]:
    return []


@pytest.fixture
def secure(certificate: Path, names_asked_for: list[str | None]) -> Iterator[Receiver]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _, name, __: names_asked_for.append(name)
    with Receiver(tls=context) as made:
        yield made


def test_the_address_is_connected_to_by_the_name_of_the_host(
    certificate: Path, secure: Receiver, names_asked_for: list[str | None]
) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    assert sender(tls=trusting).post(url(secure, "https"), HEADERS, b"{}") == 200
    [got] = secure.got
    assert (got.path, got.body, got.headers["Host"]) == ("/hook?a=b", b"{}", f"{NAME}:{secure.port}")
    assert (got.headers["webhook-id"], got.headers["User-Agent"]) == ("wh_1", "tune9527")
    assert names_asked_for == [NAME]


def test_a_certificate_nobody_vouches_for_is_not_trusted(secure: Receiver) -> None:
    with pytest.raises(Unreachable, match="certificate"):
        sender().post(url(secure, "https"), HEADERS, b"{}")
    assert secure.got == []


def test_a_certificate_of_another_host_is_not_trusted(certificate: Path, secure: Receiver) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    with pytest.raises(Unreachable, match="certificate"):
        Sender(frozenset({"other.example"}), to_loopback, tls=trusting).post(
            f"https://other.example:{secure.port}/", HEADERS, b"{}"
        )
    assert secure.got == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(status: int) -> None:
    def away(_: Received, handler: Handler) -> None:
        handler.send_response(status)
        handler.send_header("Location", f"http://{NAME}:{canary.port}/")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with Receiver() as canary, Receiver(away) as receiver:
        assert sender().post(url(receiver), HEADERS, b"{}") == status
        assert (len(receiver.got), canary.got) == (1, [])


def test_proxies_and_credentials_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text(f"machine {NAME} login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with Receiver() as proxy, Receiver() as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert sender().post(url(receiver), HEADERS, b"{}") == 200
        assert proxy.got == []
        assert "Authorization" not in receiver.got[0].headers


def test_a_name_is_resolved_once_a_post() -> None:
    asked = []

    def count(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["127.0.0.1"]

    with Receiver() as receiver:
        Sender(frozenset({NAME}), count).post(url(receiver), HEADERS, b"{}")
        assert asked == [(NAME, receiver.port)]


def test_an_address_that_does_not_answer_gives_way_to_the_next() -> None:
    with Receiver() as receiver:
        both = Sender(frozenset({NAME}), lambda *_: ["127.0.0.2", "127.0.0.1"], seconds=5)
        assert both.post(url(receiver), HEADERS, b"{}") == 200


def test_a_name_without_addresses_is_said() -> None:
    with pytest.raises(Unreachable, match="does not resolve"):
        Sender(frozenset(), lambda *_: []).post(f"https://{NAME}/", HEADERS, b"{}")
    assert resolve("no-such-host.invalid", 443) == []


def drip_head(got: Received, handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for _ in range(100):
        handler.wfile.write(b"X-Slow: 1\r\n")
        time.sleep(0.1)


def silence(_: Received, handler: Handler) -> None:
    time.sleep(10)


@pytest.mark.parametrize("answer", [drip_head, silence])
def test_an_answer_that_drips_is_broken_off_in_time(answer: object) -> None:
    with Receiver(answer) as receiver:  # type: ignore[arg-type]
        began = time.monotonic()
        with pytest.raises(Unreachable, match="no answer in time"):
            sender(seconds=0.5).post(url(receiver), HEADERS, b"{}")
        assert time.monotonic() - began < 6


def test_a_handshake_that_drips_is_broken_off_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        began = time.monotonic()
        with pytest.raises(Unreachable, match="no answer in time"):
            sender(seconds=0.5).post(f"https://{NAME}:{mute.getsockname()[1]}/", HEADERS, b"{}")
        assert time.monotonic() - began < 6


def test_a_status_stands_though_the_body_never_ends_and_little_of_it_is_read() -> None:
    sent = 0

    def endless(got: Received, handler: Handler) -> None:
        nonlocal sent
        handler.send_response(200)
        handler.end_headers()
        for _ in range(1000):
            try:
                handler.wfile.write(bytes(64 * 1024))
            except OSError:
                return
            sent += 64 * 1024

    with Receiver(endless) as receiver:
        assert sender(seconds=2).post(url(receiver), HEADERS, b"{}") == 200
    assert sent < 16 * 1024 * 1024  # what the sockets' buffers hold


def test_a_body_that_drips_does_not_take_longer_than_the_rest() -> None:
    def drip(got: Received, handler: Handler) -> None:
        handler.send_response(204)
        handler.end_headers()
        for _ in range(200):
            handler.wfile.write(b"x")
            time.sleep(0.05)

    with Receiver(drip) as receiver:
        began = time.monotonic()
        assert sender(seconds=0.5).post(url(receiver), HEADERS, b"{}") == 204
        assert time.monotonic() - began < 6


def test_what_is_no_http_is_said() -> None:
    def noise(_: Received, handler: Handler) -> None:
        handler.wfile.write(b"\x00\xff\xfe nonsense\r\n\r\n")

    with Receiver(noise) as receiver, pytest.raises(Unreachable, match="broke off"):
        sender().post(url(receiver), HEADERS, b"{}")
