"""`/metrics` counts what happened, as Prometheus reads it, and keeps nothing that a caller made up."""

import re
from io import BytesIO
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from config import ServiceConfig
from gate import KeyFile
from observe.metrics import Histogram
from tests.fakes.openai_upstream import FILE_ID, FakeOpenAI, Fault, refusal

CONTENT = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}\n'
LINE = re.compile(r'([a-z_0-9]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)+\})? ([0-9.e+-]+)')


def figures(client: FlaskClient, **headers: str) -> dict[str, float]:
    """Each sample of the page; every line must be one that Prometheus takes."""
    reply = client.get("/metrics", headers=headers)
    assert reply.content_type == "text/plain; version=0.0.4; charset=utf-8"
    found, kinds = {}, set[str]()
    for line in reply.get_data(as_text=True).splitlines():
        if line.startswith("# TYPE "):
            name = line.split()[2]
            assert name not in kinds
            kinds.add(name)
        elif not line.startswith("# HELP "):
            sample = LINE.fullmatch(line)
            assert sample, line
            assert sample[1] in kinds or re.sub(r"_(bucket|sum|count)$", "", sample[1]) in kinds
            found[sample[1] + (sample[2] or "")] = float(sample[3])
    return found


def test_calls_failures_and_jobs_are_counted(client: FlaskClient, upstream: FakeOpenAI) -> None:
    client.get("/status")
    client.post("/upload_files", data={"files": (BytesIO(CONTENT), "train.jsonl")})
    client.post("/fine_tuning", json={"training_file": FILE_ID})
    upstream.fail("POST /v1/chat/completions", refusal(429, "slow down", "made_up_by_the_upstream"), Fault("drop"))
    for _ in range(3):
        client.post("/chat", json={"text": "x"})
    client.post("/chat", json={"text": "x", "stream": True}).get_data()
    client.get("/status", headers={"Host": "evil.test"})
    found = figures(client)
    assert found['tune9527_requests_total{method="GET",route="/status",status="2xx"}'] == 1
    assert found['tune9527_requests_total{method="POST",route="/chat",status="4xx"}'] == 1
    assert found['tune9527_request_seconds_count{route="/chat"}'] == 4
    assert found['tune9527_request_seconds_bucket{route="/chat",le="+Inf"}'] == 4
    assert found["tune9527_jobs_started_total"] == 1
    assert found['tune9527_upstream_failures_total{code="4xx"}'] == 1
    assert found['tune9527_upstream_failures_total{code="upstream_unreachable"}'] == 1
    assert found['tune9527_refused_total{code="host_not_allowed"}'] == 1
    assert found["tune9527_streams_open"] == 0


def test_a_stream_counts_while_it_is_open(client: FlaskClient) -> None:
    reply = client.post("/chat", json={"text": "x", "stream": True}, buffered=False)
    assert figures(client)["tune9527_streams_open"] == 1
    reply.get_data()
    reply.close()
    assert figures(client)["tune9527_streams_open"] == 0


def test_nothing_that_a_caller_makes_up_becomes_a_label(client: FlaskClient, upstream: FakeOpenAI) -> None:
    figures(client)
    before = set(figures(client))
    for number in range(20):
        client.get(f"/made-up-{number}")
        client.open("/status", method=f"MADEUP{number}")
        client.get(f"/jobs/made-up-{number}")
        client.post("/chat", json={"text": "x", "model": f"made-up-{number}"})
        client.get("/status", headers={"Host": f"made-up-{number}", "Origin": f"http://made-up-{number}"})
        upstream.fail("GET /v1/fine_tuning/jobs", refusal(400, "no", f"made-up-{number}"))
        client.get("/jobs")
    more = set(figures(client)) - before
    assert [name for name in more if "made" in name.lower()] == []
    routes = {match[1] for name in more if (match := re.search(r'route="([^"]*)"', name))}
    assert routes <= {rule.rule for rule in client.application.url_map.iter_rules()} | {"none"}


def test_a_key_that_may_read_sees_them_and_others_do_not(tmp_path: Path) -> None:
    client = create_app(ServiceConfig(data_dir=tmp_path, openai_base_url="http://127.0.0.1:9/v1")).test_client()
    keys = KeyFile(tmp_path / "keys.sqlite3")
    reader, chatter = (keys.make(scope, frozenset({scope}))[0] for scope in ("read", "chat"))
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": f"Bearer {chatter}"}).status_code == 403
    found = figures(client, Authorization=f"Bearer {reader}")
    assert found['tune9527_refused_total{code="missing_api_key"}'] == 1
    assert found['tune9527_refused_total{code="insufficient_scope"}'] == 1


def test_the_process_tells_of_itself(client: FlaskClient) -> None:
    found = figures(client)
    assert found["process_start_time_seconds"] > 1.7e9
    if Path("/proc/self/statm").exists():
        assert 2**20 < found["process_resident_memory_bytes"] < 2**35
        assert found["process_open_fds"] > 2


def test_a_bucket_holds_what_is_below_its_bound() -> None:
    taken = Histogram("t", "h", "route")
    for seconds in (0.001, 0.005, 0.3, 500.0):
        taken.add("/chat", seconds)
    lines = dict(line.rsplit(" ", 1) for line in taken.lines() if not line.startswith("#"))
    assert [lines[f't_bucket{{route="/chat",le="{bound}"}}'] for bound in ("0.005", "0.5", "+Inf")] == ["2", "3", "4"]
    assert float(lines['t_sum{route="/chat"}']) == pytest.approx(500.306)
