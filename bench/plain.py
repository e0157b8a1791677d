"""What one would write in an afternoon: Flask and the SDK under the same server as ours; `python -m bench.plain PORT`.

`UPSTREAM` is the base URL. `/files` relays a body as it comes, which is the most that a server in Python can do.
"""

import http.client
import os
import sys
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, request
from openai import OpenAI

UPSTREAM = os.environ.get("UPSTREAM", "")
PIECE = 256 * 1024
THREADS = 64
app = Flask(__name__)
client = OpenAI(base_url=UPSTREAM, api_key="none", max_retries=0)


@app.get("/status")
def status() -> dict[str, Any]:
    """Answer."""
    return {"info": "ok", "response": {}}


@app.post("/chat")
def chat() -> dict[str, Any]:
    """Ask as the SDK's documentation shows."""
    body = request.get_json()
    answer = client.chat.completions.create(model=body["model"], messages=body["messages"])
    found = {"content": answer.choices[0].message.content, "id": answer.id, "model": answer.model}
    return {"info": "ok", "response": found}


@app.post("/files")
def files() -> bytes:
    """Hand a body on, piece by piece."""
    url = urlsplit(UPSTREAM)
    upstream = http.client.HTTPConnection(str(url.hostname), url.port or 80)
    length, kind = str(request.content_length), request.content_type or ""
    headers = {"Content-Length": length, "Content-Type": kind}
    upstream.request("POST", f"{url.path}/files", iter(lambda: request.stream.read(PIECE), b""), headers)
    answer = upstream.getresponse().read()
    upstream.close()
    return answer


if __name__ == "__main__":
    from granian.constants import Interfaces
    from granian.server import MPServer

    MPServer(
        "bench.plain:app",
        address="127.0.0.1",
        port=int(sys.argv[1]),
        interface=Interfaces.WSGI,
        blocking_threads=THREADS,
        log_enabled=False,
    ).serve()
