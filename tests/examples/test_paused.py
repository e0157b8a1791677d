"""Examples that follow a job say that somebody paused it, and stop."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from examples import quickstart

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "examples" / "lighthouse.jsonl"
JOB = {"id": "ftjob-1", "model": "m", "status": "paused"}
REPLIES: dict[str, object] = {
    "/status": {},
    "/upload_files": [{"response": {"id": "file-1"}}],
    "/fine_tuning": JOB,
    "/retrieve": JOB,
    "/jobs/ftjob-1": JOB,
    "/jobs/ftjob-1/events": {"data": []},
    "/chat": {"content": "Hello"},
}
SAID = "Somebody paused ftjob-1"


class _Paused(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = json.dumps({"info": "ok", "response": REPLIES[self.path.partition("?")[0]]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Paused) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.skipif(os.name == "nt" or not shutil.which("bash"), reason="a script of bash")
def test_the_script_stops_at_a_paused_job(url: str) -> None:
    command = [ROOT / "examples" / "curl.sh", FILE]
    done = subprocess.run(command, env={**os.environ, "URL": url}, capture_output=True, text=True, timeout=20)
    assert (done.returncode, SAID in done.stderr) == (1, True), done.stderr


def test_the_quickstart_stops_at_a_paused_job(url: str) -> None:
    with pytest.raises(SystemExit, match=SAID):
        quickstart.run(quickstart.Service(url), FILE, [("Hi", "Hello")])
