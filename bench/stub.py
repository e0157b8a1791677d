"""An upstream that costs next to nothing: `python -m bench.stub PORT [CHUNKS SECONDS_BETWEEN]`.

It answers chats at once, whole or as so many chunks that far apart, and takes files without keeping them.
"""

import asyncio
import json
import re
import sys
import time
from typing import Any, cast

ANSWER = "The keeper lit the lamp, wrote down wind and tide, and waited for the ships of the morning. " * 5
COMPLETION: dict[str, Any] = {
    "id": "chatcmpl-0123456789abcdefghijklmnopqr",
    "object": "chat.completion",
    "created": 1_795_000_000,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": ANSWER, "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 20, "completion_tokens": 100, "total_tokens": 120},
    "system_fingerprint": "fp_0123456789",
}
_FILE = {"id": "file-0123456789", "object": "file", "bytes": 1, "created_at": 1_795_000_000, "filename": "f.jsonl"}
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_STREAM = re.compile(rb'"stream": ?true')


def _reply(value: dict[str, Any]) -> bytes:
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def _event(text: str, reason: str | None) -> bytes:
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": reason}
    chunk = COMPLETION | {"object": "chat.completion.chunk", "choices": [choice]}
    return b"data: %s\n\n" % json.dumps({name: chunk[name] for name in chunk if name != "usage"}).encode()


_WHOLE, _TAKEN = _reply(COMPLETION), _reply(_FILE | {"purpose": "fine-tune", "status": "processed"})
_STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class Stub(asyncio.Protocol):
    """One connection, which serves one request after the other."""

    chunks, gap = 20, 0.05

    def __init__(self) -> None:
        self._held = b""  # a head, or the body of a chat
        self._left = 0  # bytes of a file that are still to come
        self._chunked = False
        self._streams: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._out = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer once a request is whole."""
        if self._chunked:
            self._held = (self._held + data)[-5:]
            self._taken(self._held == b"0\r\n\r\n")
        elif self._left:
            self._left -= len(data)
            self._taken(self._left <= 0)
        else:
            self._held += data
            self._begin()

    def connection_lost(self, _: Exception | None) -> None:
        """Write no more to who has left."""
        for stream in self._streams:
            stream.cancel()

    def _begin(self) -> None:
        head, end, body = self._held.partition(b"\r\n\r\n")
        if not end:
            return
        found = _LENGTH.search(head)
        length = int(found[1]) if found else 0
        if b"/files" in head.split(b"\r\n", 1)[0]:
            self._chunked, self._left = bool(_CHUNKED.search(head)), length - len(body)
            self._held = body[-5:]
            self._taken(self._held == b"0\r\n\r\n" if self._chunked else self._left <= 0)
        elif len(body) >= length:
            self._held = b""
            if _STREAM.search(body):
                self._stream()
            else:
                self._out.write(_WHOLE)

    def _taken(self, whole: bool) -> None:
        if whole:
            self._held, self._left, self._chunked = b"", 0, False
            self._out.write(_TAKEN)

    def _stream(self) -> None:
        task = asyncio.get_running_loop().create_task(self._say())
        self._streams.add(task)
        task.add_done_callback(self._streams.discard)

    async def _say(self) -> None:
        self._out.write(_STREAM_HEAD)
        began = time.monotonic()
        for number in range(self.chunks):
            event = _event(f"word {number} ", "stop" if number == self.chunks - 1 else None)
            self._out.write(b"%x\r\n%s\r\n" % (len(event), event))
            await asyncio.sleep(max(0.0, began + (number + 1) * self.gap - time.monotonic()))
        self._out.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")


async def main() -> None:
    """Serve until the process is ended."""
    port, *more = sys.argv[1:]
    if more:
        Stub.chunks, Stub.gap = int(more[0]), float(more[1])
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", int(port), backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
