"""`python -m bench.ssrf [URLS]`: no URL, in whatever field it is sent, makes a server connect to where it must not.

As root on Linux it runs in a network of its own, in which every address there is leads to its canaries, and every name
to its DNS: what is connected to is heard, with the address that was meant, and nothing leaves the machine. Elsewhere
the canaries listen on 127.0.0.1 and ::1 alone. URLS: about how many, of all.
Prints what was tried and heard; exit code 1 if a canary heard a private
address, if they are deaf, if no event was sent to a name that changes, or if such names lead no naive sender inside.
"""

import collections
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from engine.webhooks import target
from engine.webhooks.sender import resolve
from tests.contract.bad_inputs.servers import Servers
from tests.contract.bad_inputs.webhooks import EVENT, FORMS, PRIVATE, THIS
from tests.tiny_models import write_tiny_gguf

INSIDE = "--inside"
PORTS = (80, 443, 2375, 6379, 8080, 8443)
PUBLIC = "93.184.216.34"
# Names that the DNS of this network knows: the answers to one question after the other, of which the last stays.
NAMES = {
    "flips.test": (PUBLIC, "127.0.0.1"),
    "flips-late.test": (PUBLIC, PUBLIC, "169.254.169.254"),
    "inner.test": ("10.0.0.1",),
    "metadata.test": ("169.254.169.254",),
    "here.test": ("127.0.0.1",),
}
# The same for names that nobody else asks for, so that they change just then.
SENT_TO = {"changes.test": (PUBLIC, "127.0.0.1"), "changes-late.test": (PUBLIC, PUBLIC, "169.254.169.254")}
NAIVELY = {"naive.test": (PUBLIC, "127.0.0.1"), "naive-late.test": (PUBLIC, "169.254.169.254")}
URLS = (
    *(f"{scheme}://{host}{port}/" for host in (*THIS, *PRIVATE) for scheme, port in (("https", ""), ("http", ":8080"))),
    *(f"https://{name}/" for name in NAMES),
    *FORMS,
)


class Canaries:
    """Listen wherever they may, and note the address that each connection was meant for."""

    def __init__(self, everywhere: bool) -> None:
        self.heard: collections.Counter[str] = collections.Counter()
        hosts = ("0.0.0.0", "::") if everywhere else ("127.0.0.1", "::1")
        for port in PORTS if everywhere else (8080, 8443):
            for host in hosts:
                family = socket.AF_INET6 if ":" in host else socket.AF_INET
                listener = socket.socket(family, socket.SOCK_STREAM)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listener.bind((host, port))
                listener.listen(50)
                threading.Thread(target=self._listen, args=(listener,), daemon=True).start()

    def _listen(self, listener: socket.socket) -> None:
        while True:
            caller, _ = listener.accept()
            self.heard[str(caller.getsockname()[0])] += 1
            caller.close()

    def private(self) -> dict[str, int]:
        """What was heard that was meant for no public address."""
        return {address: count for address, count in self.heard.items() if not target.is_public(address)}


class Names:
    """Answers every question for an IPv4 address as NAMES has it, and others with nothing."""

    def __init__(self) -> None:
        self._asked: collections.Counter[str] = collections.Counter()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("0.0.0.0", 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            question, asker = self._socket.recvfrom(512)
            self._socket.sendto(self._answer(question), asker)

    def _answer(self, question: bytes) -> bytes:
        end = question.index(b"\0", 12)
        asked, kind = question[12 : end + 5], question[end + 1 : end + 3]
        labels, place = [], 12
        while question[place]:
            labels.append(question[place + 1 : place + 1 + question[place]].decode("ascii", "replace"))
            place += 1 + question[place]
        answers = (NAMES | SENT_TO | NAIVELY).get(".".join(labels).lower(), ())
        if kind != b"\0\1" or not answers:
            return question[:2] + b"\x81\x80\0\1\0\0\0\0\0\0" + asked
        name = ".".join(labels).lower()
        address = answers[min(self._asked[name], len(answers) - 1)]
        self._asked[name] += 1
        record = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + socket.inet_aton(address)
        return question[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + asked + record


def fields(url: str) -> Iterator[tuple[str, str, str, Any]]:
    """(field, server, path, body) for every field that could take a URL."""
    hook = {"event_types": [EVENT], "name": "hook", "url": url}
    yield "webhook", "engine", "/webhook_endpoints", hook
    yield "webhook, changed", "engine", "/webhook_endpoints/ENDPOINT-ID", {"url": url}
    hi = [{"role": "user", "content": "Hi"}]
    for kind, part in (
        ("image_url", {"url": url}),
        ("file", {"file_data": url, "file_id": url}),
        ("input_audio", {"data": url, "format": "wav"}),
    ):
        chat = {
            "model": "tiny",
            "max_tokens": 1,
            "messages": [{"role": "user", "content": [{"type": kind, kind: part}]}],
        }
        yield f"chat, {kind}", "engine", "/chat/completions", chat
        yield f"chat, {kind}", "service", "/chat", chat
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"$ref": url}}}
    yield "chat, $ref", "engine", "/chat/completions", {"model": "tiny", "messages": hi, "response_format": schema}
    for name in ("model", "base_url", "api_base", "proxy", "chat_template"):
        yield f"chat, {name}", "service", "/chat", {"text": "Hi", "max_tokens": 1, name: url}
    for part in ({"type": "input_image", "image_url": url}, {"type": "input_file", "file_url": url}):
        asked = {"model": "tiny", "input": [{"role": "user", "content": [part]}]}
        yield f"response, {part['type']}", "engine", "/responses", asked
    yield "response, tool", "engine", "/responses", {"model": "tiny", "input": "Hi", "tools": [{"server_url": url}]}
    yield "embedding, model", "engine", "/embeddings", {"model": url, "input": url}
    for name in ("training_file", "validation_file", "model", "base_url"):
        job = {"model": "tiny", "training_file": "FILE-ID", name: url}
        yield f"job, {name}", "engine", "/fine_tuning/jobs", job
        yield f"job, {name}", "service", "/fine_tuning", job
    wandb = [{"type": "wandb", "wandb": {"project": "p", "entity": url[:128], "base_url": url}}]
    yield (
        "job, wandb",
        "engine",
        "/fine_tuning/jobs",
        {"model": "tiny", "training_file": "FILE-ID", "integrations": wandb},
    )
    yield "retrieve", "service", "/retrieve", {"fine_tuning_job_id": url}


def call(servers: Servers, server: str, path: str, body: Any) -> requests.Response:
    """Make one call, with real ids in it."""
    base = servers.engine.url if server == "engine" else servers.service.url
    for stand_in, real in servers.ids.items():
        path = path.replace(stand_in, real)
        body = {name: real if value == stand_in else value for name, value in body.items()}
    headers = {"X-Forwarded-Host": "169.254.169.254", "Forwarded": "host=127.0.0.1:8080"}
    return requests.post(base + path, json=body, headers=headers, timeout=60)


def send_to_names(servers: Servers) -> None:
    """Have events sent to names whose addresses change after they were set."""
    for name in SENT_TO:
        hook = {"event_types": [EVENT], "name": name, "url": f"https://{name}/"}
        made = call(servers, "engine", "/webhook_endpoints", hook)
        if made.ok:  # without a DNS of our own the name leads nowhere, which is no fault yet
            for _ in range(3):
                call(servers, "engine", f"/webhook_endpoints/{made.json()['id']}/test", {"event_type": EVENT})


def send_naively(canaries: Canaries) -> int:
    """How many names that change lead someone inside who checks a name, and then connects by it."""
    before = sum(canaries.private().values())
    for name in NAIVELY:
        if all(map(target.is_public, resolve(name, 443))):
            socket.create_connection((name, 443), timeout=5).close()
    time.sleep(0.2)
    return sum(canaries.private().values()) - before


def try_all(folder: Path, everywhere: bool, urls: tuple[str, ...]) -> int:
    """Send each URL in every field, and return the exit code."""
    canaries = Canaries(everywhere)
    if everywhere:
        Names()
    servers = Servers(folder, write_tiny_gguf(folder / "tiny.gguf"), keys=False, ALLOWED_HOSTS="")
    statuses: dict[str, collections.Counter[int]] = collections.defaultdict(collections.Counter)
    try:
        servers.wait()
        for url in urls:
            for field, server, path, body in fields(url):
                statuses[f"{server}: {field}"][call(servers, server, path, body).status_code] += 1
        send_to_names(servers)
        time.sleep(0.5)
    finally:
        servers.end()
    private, before = canaries.private(), sum(canaries.heard.values())
    sent = canaries.heard[PUBLIC]
    led_inside = send_naively(canaries)
    socket.create_connection(("127.0.0.1", 8080)).close()
    time.sleep(0.2)
    hears = sum(canaries.heard.values()) > before
    for field, counts in statuses.items():
        print(f"{field:32}{dict(counts)}")
    print(f"{len(urls)} URLs; private addresses connected to: {private}; heard in all {before}; they hear: {hears}")
    if everywhere:
        print(f"events sent to a name before it changed: {sent}; names that led the naive inside: {led_inside} of 2")
    wrong = sum(count for counts in statuses.values() for status, count in counts.items() if status >= 500)
    return int(bool(private) or bool(wrong) or not hears or (everywhere and (not sent or led_inside != 2)))


def own_network() -> bool:
    """Whether this machine lets us have a network of our own."""
    if not (hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("unshare") and shutil.which("ip")):
        return False
    return subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0


def main() -> int:
    """Go into a network of our own if there may be one, and try all there."""
    inside = INSIDE in sys.argv
    counts = [int(word) for word in sys.argv[1:] if word != INSIDE]
    step = max(1, len(URLS) // counts[0]) if counts else 1
    if not inside and own_network():
        return subprocess.run(
            ["unshare", "-n", sys.executable, "-m", "bench.ssrf", INSIDE, *sys.argv[1:]], check=False
        ).returncode
    if inside:
        for words in ("link set lo up", "route add local 0.0.0.0/0 dev lo", "-6 route add local ::/0 dev lo"):
            subprocess.run(["ip", *words.split()], check=True)
    print(f"a network of its own: {inside}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        return try_all(Path(folder), inside, URLS[::step])


if __name__ == "__main__":
    sys.exit(main())
