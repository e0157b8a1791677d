"""No secret leaves either server: canaries in every setting that holds one, then a look at all that came out."""

import json
import re
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import psycopg
import requests

from gate import KeyFile
from tests.fakes.openai_upstream import FakeOpenAI, refusal
from tests.fakes.ports import until
from tests.fakes.postgres import Postgres
from tests.fakes.receiver import Receiver
from tests.fakes.service import Service
from tests.live_service import ENGINE_KEY, LiveService, command

LINE = '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}\n'
OPENAI = "sk-proj-canary0123456789abcdefghijkl"
WANDB = "wandbcanary0123456789abcdef0123456789abc"
DATABASE = "database-canary"
UPSTREAM = "upstream-canary"
NEVER_NAMED = "unknown-canary"
NOT_OURS = "t9_" + "nobodys-key-canary-0123456789abcdefghijklmn"


class Watched(Service):
    """A service whose output lies in a file, which no full pipe can stop."""

    def __init__(self, *where: Path, **settings: str) -> None:
        self._file = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.output = self._file.fileno()
        super().__init__(*where, LOG_LEVEL="DEBUG", **settings)

    def said(self) -> str:
        """End it, and return all that it wrote."""
        self.end()
        self._file.seek(0)
        return self._file.read()


class WatchedLive(Watched, LiveService):
    """The same of the whole product; its engine has canaries of its own."""


def ask(url: str, token: str, method: str, path: str, **options: Any) -> str:
    """Call, and return all of the reply."""
    headers = {"Authorization": f"Bearer {token}"}
    reply = requests.request(method, url + path, headers=headers, timeout=60, **options)
    return f"{reply.status_code} {reply.headers} {reply.text}"


def ask_all(url: str, token: str) -> Iterator[str]:
    """Every kind of call: good, wrong, and with a key that is none; the last names a key in its path."""
    yield ask(url, token, "GET", "/status")
    yield ask(url, token, "POST", "/upload_files", files={"files": ("train.jsonl", LINE)})
    yield ask(url, token, "POST", "/fine_tuning", json={"training_file": "file-nope"})
    yield ask(url, token, "POST", "/chat", json={"text": f"My key is {NOT_OURS}.", "model": "nope"})
    yield ask(url, token, "GET", "/metrics")
    yield ask(url, NOT_OURS, "GET", "/jobs")
    ask(url, token, "GET", f"/jobs/{NOT_OURS}")


def hits(secrets: dict[str, str], places: dict[str, str]) -> list[tuple[str, str]]:
    """Which secret stands where."""
    return [(name, place) for name, secret in secrets.items() for place, text in places.items() if secret in text]


def files_in(folder: Path) -> dict[str, str]:
    """Every file's bytes as letters."""
    found = (file for file in folder.rglob("*") if file.is_file() and "models" not in file.parts)
    return {str(file): file.read_bytes().decode("latin-1") for file in found}


def rows_of(database: str) -> str:
    """Every row of every table there."""
    with psycopg.connect(database.replace("+psycopg", "")) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        found = [connection.execute(f'SELECT * FROM "{name}"').fetchall() for (name,) in tables]
    return str(found)


def environments(service: Service, words: str) -> str:
    """Those of children with `words` in their command, and it, and of who keeps them; empty if there are none."""
    told = ""
    for one in service.family():
        try:
            told += f"{one.cmdline()} {one.environ()}" if words in " ".join(one.cmdline()) else ""
        except psutil.Error:  # ended just now
            continue
    return told


def train(engine: str, token: str) -> None:
    """Begin a job; whether it ends well is nothing to us."""
    form = {"data": {"purpose": "fine-tune"}, "files": {"file": ("train.jsonl", LINE)}}
    file = re.findall(r"file-\w+", ask(engine, token, "POST", "/v1/files", **form))[0]
    asked = {"model": "tiny", "training_file": file, "hyperparameters": {"n_epochs": 50}}
    assert ask(engine, token, "POST", "/v1/fine_tuning/jobs", json=asked).startswith("200")


def test_an_upstreams_key_stays_with_the_service(upstream: FakeOpenAI, tmp_path: Path) -> None:
    token, _ = KeyFile(tmp_path / "keys.sqlite3").make("all", frozenset({"admin"}))
    url = upstream.base_url.replace("//", f"//me:{UPSTREAM}@")
    service = Watched(OPENAI_API_KEY=OPENAI, OPENAI_BASE_URL=url, DATA_DIR=str(tmp_path), LOG_FORMAT="json").wait()
    for call in ("POST /v1/chat/completions", "POST /v1/fine_tuning/jobs"):
        upstream.fail(call, refusal(401, f"Incorrect API key provided: {OPENAI}", "invalid_api_key"))
    replies = "".join(ask_all(service.url, token))
    commands = " ".join(command(one) for one in service.family())
    log = service.said()
    assert f"Incorrect API key provided: ****{OPENAI[-4:]}" in replies
    lines = [json.loads(line) for line in log.splitlines() if not line.startswith("tune9527 listens on")]
    calls = [(line["method"], line["route"], line["status"]) for line in lines if line["logger"] == "tune9527.access"]
    assert ("GET", "/jobs/<job_id>", 404) in calls
    secrets = {"OpenAI's": OPENAI, "the URL's": UPSTREAM, "ours": token, "nobody's": NOT_OURS}
    places = {"replies": replies, "ps": commands, "log": log, **files_in(tmp_path)}
    assert hits(secrets, places) == []


def test_the_engines_secrets_stay_with_it(tmp_path: Path, tiny_gguf: Path, postgres: Postgres) -> None:
    data = tmp_path / "data"
    token, _ = KeyFile(data / "keys.sqlite3").make("all", frozenset({"admin"}))
    database = postgres.new_database().replace("tests@", f"tests:{DATABASE}@")
    hooks = Receiver()
    more = {"WANDB_MODE": "offline", "DATABASE_URL": database, "WEBHOOK_ALLOWED_HOSTS": hooks.host}
    strange = dict.fromkeys(("PGPASSWORD", "MY_PASSPHRASE", "https_proxy", "PIP_EXTRA_INDEX_URL"), NEVER_NAMED)
    service = WatchedLive(data, tiny_gguf, WANDB_API_KEY=WANDB, **more, **strange)
    Service.wait(service, 30)
    replies = "".join(ask_all(service.url, token))
    engine = service.engine_url.removesuffix("/v1")
    endpoint = {"event_types": ["fine_tuning.job.succeeded"], "name": "n", "url": hooks.url}
    made = ask(engine, ENGINE_KEY, "POST", "/v1/webhook_endpoints", json=endpoint)
    (webhook,) = re.findall(r"whsec_[\w+/=]{20,}", made)
    (hook,) = re.findall(r"\bwe_\w+", made)[:1]
    ask(
        engine,
        ENGINE_KEY,
        "POST",
        f"/v1/webhook_endpoints/{hook}/test",
        json={"event_type": "fine_tuning.job.succeeded"},
    )
    train(engine, ENGINE_KEY)
    replies += ask(service.url, token, "POST", "/chat", json={"text": "a", "max_tokens": 1})
    children = "".join(until(partial(environments, service, words)) for words in ("engine.trainer", "serving.llamacpp"))
    delivered = str(until(lambda: hooks.got))
    hooks.close()
    replies += ask(engine, token, "GET", "/v1/webhook_endpoints") + ask(engine, NOT_OURS, "GET", "/v1/models")
    commands = " ".join(command(one) for one in service.family())
    log = service.said()
    assert "POST '/v1/webhook_endpoints' 200" in log
    secrets = {"the engine's": ENGINE_KEY, "wandb's": WANDB, "the database's": DATABASE, "a webhook's": webhook}
    secrets |= {"ours": token, "nobody's": NOT_OURS, "of a name that is not ours": NEVER_NAMED}
    places = {"replies": replies, "ps": commands, "log": log, "children": children, "hooks": delivered}
    assert hits(secrets, {**places, **files_in(data)}) == []
    del secrets["a webhook's"]  # with which the engine signs
    assert hits(secrets, {"database": rows_of(database)}) == []
