"""`python -m bench.stops [TIMES]`: SIGTERM amid 8 streams, 4 uploads that are on their way, and a training.

Ends with 1 if the service took over 10 s to end or left a process, an upload was not answered, a stream did not end
with the event that says why, or with [DONE] behind a whole answer, a connection was reset, or the job
does not go on from a checkpoint afterwards.
"""

import json
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import requests

from bench.kills import lives
from tests.fakes.ports import until
from tests.live_service import LiveService
from tests.tiny_models import write_tiny_gguf

STREAMS, UPLOADS = 8, 4
MOST_SECONDS = 10.0
PATIENCE = 600.0  # a trainer comes after everything else that a busy machine does
LINE = b'{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"answer"}]}\n'
ROWS, EPOCHS = 30, 50
# The tokens that end an answer are out of reach. Each of the eight is written when those before it are; the first may
# have ended when the last has begun, which shows itself after five seconds in line.
QUESTION: dict[str, Any] = {"text": "hello", "max_tokens": 150, "n": 128, "logit_bias": {"0": -100, "2": -100}}
UPLOAD_PIECES, PIECE_SECONDS = 15, 0.2


def begin_job(service: LiveService) -> str:
    """Start a job that trains for a while, and return its id."""
    [sent] = service.call("POST", "/upload_files", files={"files": ("t.jsonl", LINE * ROWS)})
    asked = {"training_file": sent["response"]["id"], "hyperparameters": {"n_epochs": EPOCHS, "batch_size": 1}}
    return str(service.call("POST", "/fine_tuning", json=asked)["id"])


def stream(url: str, begun: threading.Semaphore) -> str:
    """Read a stream to its end, and return its last event; say when it has begun, be it in line for the model."""
    with requests.post(f"{url}/chat", json=QUESTION | {"stream": True}, stream=True, timeout=PATIENCE) as reply:
        begun.release()
        return ending(reply.iter_lines())


def ending(lines: Iterable[bytes]) -> str:
    """How a stream of `n` answers ended: with [DONE] behind all of them, with the code of an error, or otherwise."""
    whole, last = 0, b""
    for last in (line for line in lines if line.startswith(b"data: ")):
        whole += b'"finish_reason"' in last and any(one["finish_reason"] for one in json.loads(last[6:])["choices"])
    if last == b"data: [DONE]":
        return "[DONE]" if whole == QUESTION["n"] else f"[DONE] behind {whole} answers"
    return str(json.loads(last[6:] or "{}").get("error", {}).get("code"))


def upload(url: str) -> str:
    """Send a file for three seconds, and return the status of the answer."""

    def pieces() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="s.jsonl"\r\n\r\n'
        for _ in range(UPLOAD_PIECES):
            yield LINE * 200
            time.sleep(PIECE_SECONDS)
        yield b"\r\n--b--\r\n"

    form = {"Content-Type": "multipart/form-data; boundary=b"}
    return str(requests.post(f"{url}/upload_files", data=pieces(), headers=form, timeout=PATIENCE).status_code)


def told(result: Future[str]) -> str:
    """What became of a call."""
    try:
        return result.result(PATIENCE)
    except (requests.RequestException, ValueError) as error:
        return type(error).__name__


def stop_once(service: LiveService) -> list[str]:
    """Stop a service that has all hands full, start it again, and return what was not as it was promised."""
    job_id = begin_job(service)
    until(lambda: service.step(job_id) > ROWS, PATIENCE, 0.2)
    with ThreadPoolExecutor(STREAMS + UPLOADS) as crowd:
        all_begun = threading.Semaphore(0)
        streams = [crowd.submit(stream, service.url, all_begun) for _ in range(STREAMS)]
        for _ in streams:
            all_begun.acquire(timeout=PATIENCE)
        uploads = [crowd.submit(upload, service.url) for _ in range(UPLOADS)]
        until(lambda: accepted(service) >= under_way(streams) + UPLOADS, PATIENCE)
        open_streams = under_way(streams)
        family, begun = service.family(), time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(PATIENCE)
        took = time.monotonic() - begun
        ends, answers = sorted(map(told, streams)), sorted(map(told, uploads))
    left = [one for one in family if lives(one)]
    service.start()
    service.wait(PATIENCE)
    resumed = until(partial(resumptions, service, job_id), PATIENCE, 0.2)
    service.call("POST", f"/jobs/{job_id}/cancel")
    print(f"ended in {took:.1f} s; {open_streams} streams open, {ends}; uploads {answers}; ", end="")
    print(f"the job went on from step {resumed[-1]}", flush=True)
    promises = {
        f"{open_streams} of {STREAMS} streams were open": open_streams >= STREAMS // 2,
        f"{took:.1f} s to the end": took <= MOST_SECONDS,
        f"processes left: {left}": not left,
        f"streams ended with {ends}": set(ends) <= {"[DONE]", "server_stopping"} and "server_stopping" in ends,
        f"uploads were answered by {answers}": set(answers) == {"200"},
        f"the job went on from {resumed[-1]}": resumed[-1] >= ROWS,
    }
    return [fault for fault, kept in promises.items() if not kept]


def under_way(streams: list[Future[str]]) -> int:
    """How many of `streams` have not ended."""
    return sum(not one.done() for one in streams)


def accepted(service: LiveService) -> int:
    """How many connections the serving process has taken; others may wait for it in the system's queue."""
    serving = service.find("app.py", serving=True)
    taken = serving.net_connections("tcp") if serving else []
    return sum(one.laddr.port == service.port and one.status == psutil.CONN_ESTABLISHED for one in taken)


def resumptions(service: LiveService, job_id: str) -> list[int]:
    """The steps that the starts of a job's training after its first went on from."""
    events = [event["data"] or {} for event in service.events(job_id)]
    return [event["resumed_from"] or 0 for event in events if "resumed_from" in event][1:]


def measure(times: int) -> list[str]:
    """Stop a service so often; return the faults."""
    with tempfile.TemporaryDirectory() as folder:
        model = write_tiny_gguf(Path(folder) / "tiny.gguf")
        settings = {"LOG_LEVEL": "ERROR", "PARALLEL": str(STREAMS)}
        service = LiveService(Path(folder) / "data", model, **settings).wait(PATIENCE)
        try:
            service.call("POST", "/chat", json={"text": "hello", "max_tokens": 1})
            return [fault for _ in range(times) for fault in stop_once(service)]
        finally:
            service.end()


def main() -> int:
    """Stop and print."""
    faults = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
    for fault in faults:
        print(f"BROKEN: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
