"""`python -m tests.fakes.tiny_engine PORT [MODE]`: as much of an engine as its supervisor can see, on a lifeline.

It asks for the key in ENGINE_API_KEY, if there is one, and proves that it knows it.

MODE: `ok`; `broken` (says why and exits); `stranger` (answers without the engine's mark); `mute` (never answers);
`loud` (says more than a pipe holds, then answers).
"""

import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import lifeline
from wire import proof


class _Handler(BaseHTTPRequestHandler):
    mark = True

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""

    def do_POST(self) -> None:
        challenge = self.headers.get(proof.CHALLENGE, "")
        self.send_response(204)
        if self.mark:
            self.send_header("X-Tune9527-Engine", "1")
            self.send_header(proof.PROOF, proof.prove(os.environ.get("ENGINE_API_KEY", ""), _port(self), challenge))
        self.end_headers()

    def do_GET(self) -> None:
        body = b'{"object": "list", "data": [{"id": "%d"}]}' % os.getpid()
        key = os.environ.get("ENGINE_API_KEY")
        self.send_response(401 if key and self.headers["Authorization"] != f"Bearer {key}" else 200)
        if self.mark:
            self.send_header("X-Tune9527-Engine", "1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _port(handler: BaseHTTPRequestHandler) -> int:
    return int(handler.request.getsockname()[1])


def main(port: int, mode: str = "ok") -> None:
    lifeline.watch()
    if mode == "broken":
        sys.exit("the base model is missing")
    if mode == "mute":
        threading.Event().wait()
    if mode == "loud":
        print("All work and no play makes a long log.\n" * 10_000)
    _Handler.mark = mode != "stranger"
    print("tiny engine is up", flush=True)
    HTTPServer(("127.0.0.1", port), _Handler).serve_forever(0.02)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
