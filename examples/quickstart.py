"""The main job from end to end through the five documented calls: upload, really train, retrieve, chat.

`make quickstart` runs it; `--exit` stops the service afterwards and exits 0 only if every taught answer is given.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
URL = "http://127.0.0.1:9527"
EXAMPLE = ROOT / "examples" / "lighthouse.jsonl"
SHOWN = (0, 1, 4, 5)
ENDED = ("succeeded", "failed", "cancelled", "paused")  # a paused job goes on, but nobody knows when
# Failures of the engine that no waiting mends.
LASTING = ("engine_failed", "base_model_unavailable")


class Service:
    """The service as any caller sees it: a URL and an envelope."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Return `response` of one call, or end the program with the service's own words."""
        reply = requests.request(method, self.url + path, timeout=180, **options)
        body = reply.json()
        if body["info"] != "ok":
            sys.exit(f"{method} {path} answered {reply.status_code}: {body['response']}")
        return body["response"]

    def chat(self, text: str, model: str | None = None) -> str:
        """Return the answer to `text`; temperature 0, so that the same question gets the same answer."""
        question = {"text": text, "temperature": 0, "max_tokens": 60} | ({"model": model} if model else {})
        return " ".join(self.call("POST", "/chat", json=question)["content"].split())

    def alive(self) -> bool:
        """Say whether the service answers."""
        try:
            return requests.get(f"{self.url}/status", timeout=2).ok
        except requests.RequestException:
            return False

    def ready(self) -> bool:
        """Say whether the base model answers, which takes a while; end the program with the reason if it never will."""
        reply = requests.post(f"{self.url}/chat", json={"text": "Hello", "max_tokens": 1}, timeout=180)
        if reply.ok:
            return True
        failure = reply.json()["response"]
        if reply.status_code not in (502, 503) or failure["code"] in LASTING:
            sys.exit(f"The base model does not answer: {failure['message']}")
        return False


def main() -> int:
    """Run the example; return 0 if the tuned model gives every taught answer."""
    arguments = _arguments()
    lessons = _lessons(arguments.file)
    service = Service(arguments.url or URL)
    started = None
    if service.alive():
        if not arguments.url:  # its upstream may be OpenAI, where training costs money
            sys.exit(f"A service answers at {URL} already. Stop it first, or train through it: --url {URL}")
        print(f"Using the service that answers at {service.url} already.")
    else:
        started = _start(service.url)
    try:
        _wait(service.alive, started, seconds=30)
        _wait(service.ready, started, seconds=600)
        missed = run(service, arguments.file, lessons)
        if started and not arguments.exit:
            print(f"\nThe service goes on at {service.url}; Ctrl-C stops it.")
            started.wait()
        return 1 if missed else 0
    except KeyboardInterrupt:
        return 130
    finally:
        if started:
            started.terminate()
            started.wait()


def run(service: Service, file: Path, lessons: list[tuple[str, str]]) -> int:
    """Train on `file`, show the answers side by side and return how many taught answers are missed."""
    question = lessons[0][0]
    print(f"\nThe base model, asked {question!r}:\n  {service.chat(question)}")

    with file.open("rb") as stream:
        uploaded = service.call("POST", "/upload_files", files={"files": (file.name, stream)})[0]
    file_id = uploaded["response"]["id"]
    print(f"\nUploaded {file.name}: {len(lessons)} examples, {file_id}")
    job = service.call("POST", "/fine_tuning", json={"training_file": file_id})
    print(f"Started {job['id']} on {job['model']}")
    seconds = follow(service, job["id"])
    result = service.call("POST", "/retrieve", json={"fine_tuning_job_id": job["id"]})
    if result["status"] == "paused":
        sys.exit(f"Somebody paused {job['id']}; it goes on once it is resumed where it trains.")
    if result["status"] != "succeeded":
        sys.exit(f"The job {result['status']}: {service.call('GET', '/jobs/' + job['id'])['error']}")
    model = result["fine_tuned_model"]
    print(f"Trained {result['trained_tokens']} tokens in {seconds:.0f} s: {model}")
    missed = compare(service, model, lessons)
    question_again = {"model": model, "text": question, "temperature": 0}
    _print_curl(service.url, question_again, file_id, job["id"], file)
    return missed


def follow(service: Service, job_id: str) -> float:
    """Show a bar with the loss until the job has ended; return the seconds between its first and last step."""
    bar, steps = tqdm(unit=" steps", desc="Training"), []
    for event in _events(service, job_id):
        if event["type"] == "metrics":
            bar.total = event["data"]["total_steps"]
            bar.set_postfix_str(f"loss {event['data']['train_loss']:.3f}", refresh=False)
            bar.update(event["data"]["step"] - bar.n)
            steps.append(event["created_at"])
        else:
            bar.write(f"  {event['message']}")
    bar.close()
    return float(steps[-1] - steps[0]) if steps else 0.0


def compare(service: Service, model: str, lessons: list[tuple[str, str]]) -> int:
    """Ask every taught question; show some answers beside the base model's; return how many are not as taught."""
    missed = 0
    for number, (question, taught) in enumerate(lessons):
        answer = service.chat(question, model)
        if number in SHOWN or answer != taught:
            print(f"\n{question}\n  base:   {service.chat(question)}\n  tuned:  {answer}")
        if answer != taught:
            missed += 1
            print(f"  taught: {taught}")
    print(f"\n{len(lessons) - missed} of {len(lessons)} taught answers are given word for word.")
    return missed


def _events(service: Service, job_id: str) -> Iterator[dict[str, Any]]:
    """Yield the events of a job, oldest first, until it has ended."""
    seen: set[str] = set()
    while True:
        status = service.call("GET", f"/jobs/{job_id}")["status"]
        page = service.call("GET", f"/jobs/{job_id}/events", params={"limit": 200})
        for event in reversed(page["data"]):
            if event["id"] not in seen:
                seen.add(event["id"])
                yield event
        if status in ENDED:
            return
        time.sleep(0.5)


def _lessons(file: Path) -> list[tuple[str, str]]:
    try:
        lessons = [_lesson(line) for line in file.read_text(encoding="utf-8").split("\n") if line.strip()]
    except OSError as error:
        sys.exit(f"{file}: {error.strerror}")
    except (ValueError, LookupError, TypeError):
        lessons = []
    return lessons or sys.exit(f"{file}: give one JSON object a line, with one user and one assistant message")


def _lesson(line: str) -> tuple[str, str]:
    spoken = {message["role"]: message["content"] for message in json.loads(line)["messages"]}
    return spoken["user"], spoken["assistant"]


def _start(url: str) -> subprocess.Popen[bytes]:
    """Start the service at `url` with the embedded engine, whatever `.env` says of another upstream, which may cost.

    It is quiet but for warnings: its lines would tear the progress bar.
    """
    address = urlsplit(url)
    # A service listens on an address, not on a name.
    os.environ["HOST"] = "127.0.0.1" if address.hostname == "localhost" else address.hostname or ""
    os.environ["PORT"] = str(address.port or 80)
    os.environ["OPENAI_API_KEY"] = os.environ["OPENAI_BASE_URL"] = os.environ["DEFAULT_MODEL"] = ""
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    return subprocess.Popen([sys.executable, "app.py"], cwd=ROOT)


def _wait(ready: Any, service: subprocess.Popen[bytes] | None, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if service is not None and service.poll() is not None:
            sys.exit(f"The service ended by itself, exit code {service.returncode}; its messages are above.")
        if time.monotonic() > deadline:
            sys.exit(f"The service is not ready after {seconds:.0f} s; its messages are above.")
        time.sleep(0.2)


def _print_curl(url: str, question: dict[str, Any], file_id: str, job_id: str, file: Path) -> None:
    json_header = "-H 'Content-Type: application/json'"
    print("\nThe same five calls with curl:")
    print(f"  curl {url}/status")
    print(f"  curl {url}/upload_files -F files=@{file}")
    print(f"  curl {url}/fine_tuning {json_header} -d '{json.dumps({'training_file': file_id})}'")
    print(f"  curl {url}/retrieve {json_header} -d '{json.dumps({'fine_tuning_job_id': job_id})}'")
    print(f"  curl {url}/chat {json_header} -d '{json.dumps(question, ensure_ascii=False)}'")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exit", action="store_true", help="stop the service afterwards")
    parser.add_argument("--url", help=f"where the service is, or will be (default {URL}, for one of our own)")
    parser.add_argument("--file", type=Path, default=EXAMPLE, help="training data, one user and one assistant a line")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
