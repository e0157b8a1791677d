"""What an upstream can do wrong, by name: the bytes it sends, and which statuses a caller may be told for it."""

import gzip
from dataclasses import dataclass
from typing import Any

from tests.fakes.openai_upstream import Fault, refusal

# What the upstream was shown, and may say back.
KEY = "sk-proj-0123456789abcdefghijklmnopqrstuv"
OK = b"HTTP/1.1 200 OK\r\n"
JSON = OK + b"Content-Type: application/json\r\n"
EVENTS = OK + b"Content-Type: text/event-stream\r\nConnection: close\r\n\r\n"
CHUNK = b'data: {"id": "c", "choices": [{"delta": {"content": "x"}}]}\n\n'
MEGABYTE = b" " * 2**20
LONG = 10**6  # of anything: nobody waits for all of it
BAD, LATE, EITHER = frozenset({502}), frozenset({504}), frozenset({502, 504})


@dataclass(frozen=True)
class Kind:
    """One way to misbehave; `told`: the statuses that fit, of which 409 and 5xx leave a create open."""

    fault: Fault
    told: frozenset[int]


def wire(raw: bytes, told: frozenset[int] = BAD, **more: Any) -> Kind:
    return Kind(Fault("wire", raw=raw, **more), told)


def body(content: bytes, told: frozenset[int] = BAD, **headers: str) -> Kind:
    return Kind(Fault("raw", raw=content, headers=_dashed(headers)), told)


def status(code: int, content: bytes = b"", told: int = 0, **headers: str) -> Kind:
    fault = Fault("status", code, raw=content or b'{"error": {}}', headers=_dashed(headers))
    return Kind(fault, frozenset({told or code}))


def _dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def refuses(raw: bytes = b"", **more: Any) -> Kind:
    """A 400 that is told as one, whatever becomes of its body: nothing was done, and nothing is in doubt."""
    return wire(b"HTTP/1.1 400 Bad Request\r\n" + raw, frozenset({400}), **more)


def drip(raw: bytes, more: bytes) -> Kind:
    return wire(raw, EITHER, more=more, repeat=LONG, gap=0.02)


# What any call may meet.
KINDS: dict[str, Kind] = {
    # The connection
    "hangs up": Kind(Fault("drop"), BAD),
    "resets": wire(b"", reset=True),
    "is silent": Kind(Fault("hang", seconds=3), LATE),
    # The head
    "speaks another protocol": wire(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "half a status line": wire(b"HTTP/1."),
    "a status that is no number": wire(b"HTTP/1.1 abc OK\r\n\r\n"),
    "a head that drips": drip(OK + b"X: ", b"a"),
    "a head without end": wire(OK, EITHER, more=b"X-A: b\r\n" * 1000, repeat=LONG),
    "a head of one line": wire(OK + b"X: ", EITHER, more=b"a" * 65536, repeat=LONG),
    "a head and no body": wire(JSON + b"Content-Length: 100\r\n\r\n"),
    "continues for ever": wire(b"", EITHER, more=b"HTTP/1.1 100 Continue\r\n\r\n", repeat=LONG, gap=0.001),
    "switches protocols": wire(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", EITHER
    ),
    "two lengths": wire(JSON + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "a negative length": wire(JSON + b"Content-Length: -1\r\n\r\n{}"),
    # The body's way
    "a body cut short": wire(JSON + b'Content-Length: 100\r\n\r\n{"id":'),
    "a body reset": wire(JSON + b'Content-Length: 100\r\n\r\n{"id":', reset=True),
    "a body that drips": drip(JSON + b"Content-Length: 1000000\r\n\r\n", b" "),
    "a body that stops": wire(JSON + b'Content-Length: 100\r\n\r\n{"id":', EITHER, seconds=3.0),
    "a body without end": wire(JSON + b"\r\n", EITHER, more=MEGABYTE, repeat=LONG),
    "a terabyte": wire(JSON + b"Content-Length: 1000000000000\r\n\r\n", EITHER, more=MEGABYTE, repeat=LONG),
    "chunks that are none": wire(JSON + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
    "chunks without end": wire(JSON + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"),
    "gzip unasked": body(gzip.compress(b'{"id": "x"}'), Content_Encoding="gzip"),
    "a gzip bomb": body(gzip.compress(b" " * 2**26), Content_Encoding="gzip"),
    "an unknown encoding": body(b"{}", Content_Encoding="x-own"),
    # The status
    "no content": status(204, b" ", 502),
    "moved": status(301, b"{}", 502, Location="/v1/elsewhere"),
    "moved with the body": status(307, b"{}", 502, Location="http://127.0.0.1:9/v1"),
    "not modified": status(304, b" ", 502),
    "status 600": status(600, b"{}", 502),
    "refuses our key": Kind(refusal(401, f"Incorrect API key provided: {KEY}", KEY), frozenset({401})),
    "forbids": status(403),
    "finds nothing, in plain text": status(404, b"nope"),
    "a conflict": status(409),
    "a rate limit": status(429, Retry_After="7"),
    "a rate limit of any length": status(429, Retry_After="9" * 5000),
    "a web page of 500": status(500, b"<h1>oops</h1>"),
    "unavailable": status(503, Retry_After="7"),
    "a gateway's time-out": status(504, b"<html>"),
    "a message of megabytes": status(400, b'{"error": {"message": "%s"}}' % (b"x" * 3 * 2**20)),
    "an error of other types": status(400, b'{"error": {"message": [1], "code": {"a": 1}, "type": 7, "param": []}}'),
    "an error in half a surrogate": status(400, b'{"error": {"message": "\\ud800"}}'),
    "an endless error": wire(b"HTTP/1.1 500 Oops\r\n\r\n", frozenset({500}), more=MEGABYTE, repeat=LONG),
    "an endless refusal": refuses(b"\r\n", more=MEGABYTE, repeat=LONG),
    "a refusal that drips": refuses(b"Content-Length: 1000000\r\n\r\n", more=b" ", repeat=LONG, gap=0.02),
    "a refusal that stops": refuses(b"Content-Length: 100\r\n\r\n{", seconds=3.0),
    "a refusal cut short": refuses(b'Content-Length: 100\r\n\r\n{"error":'),
    "a refusal reset": refuses(b'Content-Length: 100\r\n\r\n{"error":', reset=True),
    "a refusal in gzip": status(400, gzip.compress(b" " * 2**26), Content_Encoding="gzip"),
    # What it says
    "a web page": body(b"<html>it works!</html>", Content_Type="text/html"),
    "nothing": body(b" "),
    "an array": body(b"[1]"),
    "null": body(b"null"),
    "JSON a hundred thousand deep": body(b'{"a":' * 100_000),
    "not a number": body(b'{"id": NaN}'),
    "half a surrogate": body(b'{"id": "x\\ud800", "data": []}'),
    "no UTF-8": body(b'{"id": "\xff"}'),
    "UTF-16": body('{"id": "x"}'.encode("utf-16")),
    "an id that is a number": body(b'{"id": 7, "data": [{"id": 7}], "choices": [{}]}'),
    "an id of two lines": body(b'{"id": "a\\r\\nb", "data": 1, "choices": [{"message": {"content": "x"}}]}'),
    "objects of other types": body(b'{"id": "x\\u00e9", "data": "x", "choices": "x"}'),
}
# What only a stream can do after its first event; each ends with an error event.
STREAMS: dict[str, Fault] = {
    "an event that is no JSON": Fault("wire", raw=EVENTS + CHUNK + b"data: {oops\n\ndata: [DONE]\n\n"),
    "an event that is a list": Fault("wire", raw=EVENTS + CHUNK + b"data: [1]\n\ndata: [DONE]\n\n"),
    "an event in half a surrogate": Fault("wire", raw=EVENTS + CHUNK + b'data: {"a": "\\ud800"}\n\ndata: [DONE]\n\n'),
    "a line without end": Fault("wire", raw=EVENTS + CHUNK + b'data: {"a": "', more=b"x" * 65536, repeat=LONG),
    "a stream cut between events": Fault("wire", raw=EVENTS + CHUNK),
    "a stream cut within one": Fault("wire", raw=EVENTS + CHUNK + CHUNK[:20]),
    "a stream reset": Fault("wire", raw=EVENTS + CHUNK, seconds=0.1, reset=True),
    "a stream that stops": Fault("wire", raw=EVENTS + CHUNK, seconds=3.0),
    "a stream that drips for ever": Fault("wire", raw=EVENTS, more=CHUNK, repeat=LONG, gap=0.02),
    "a line that drips for ever": Fault("wire", raw=EVENTS + CHUNK, more=b":", repeat=LONG, gap=0.02),
    "an error of its own": Fault("wire", raw=EVENTS + CHUNK + b'data: {"error": {"message": "overloaded"}}\n\n'),
}
