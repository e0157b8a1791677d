"""Datasets as callers get them: small ones in the reply, large ones not, and none before it is asked for."""

import io
import json
import subprocess
import sys

import pytest

from services import datasets
from services.address import Address
from services.client import Upstream
from services.datasets import Datasets
from services.files import Files, Incoming
from wire.errors import BadRequest


def incoming(data: bytes, label: str = "a.jsonl") -> Incoming:
    return Incoming(label, "application/octet-stream", len(data), io.BytesIO(data))


@pytest.fixture
def service() -> Datasets:
    return Datasets(Files(Upstream(Address("http://127.0.0.1:9/v1"))), "engine")


def line(answer: str) -> bytes:
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": messages}).encode() + b"\n"


def test_a_small_dataset_is_in_the_reply_and_a_large_one_is_not(service: Datasets) -> None:
    small = service.convert([incoming(line("Ho"))], {}).entry()
    assert json.loads(small["training"]["content"])["messages"][1]["content"] == "Ho"
    large = service.convert([incoming(line("lamp " * (datasets.MAX_INLINE_BYTES // 5 + 1)))], {}).entry()
    assert large["training"]["content"] is None
    assert large["provenance"] is None
    assert large["training"]["size"] > datasets.MAX_INLINE_BYTES
    assert large["report"]["rows"]["used"] == 1


def test_without_a_profile_the_upstreams_rules_count(service: Datasets) -> None:
    assert service.check(incoming(line("Ho")))["response"]["profile"] == "engine"
    assert service.check(incoming(line("Ho")), "openai")["status"] == "failed"


def test_an_example_longer_than_the_engines_context_is_warned_of() -> None:
    service = Datasets(Files(Upstream(Address("http://127.0.0.1:9/v1"))), "engine", context_tokens=64)
    long = [incoming(line(" word" * 100)) for _ in range(3)]
    told = [
        service.check(file, profile)["response"]["findings"]
        for file, profile in zip(long, ("", "engine", "azure"), strict=True)
    ]
    limits = [[one["message"] for one in findings if one["code"] == "too_long"] for findings in told]
    assert [len(messages) for messages in limits] == [1, 1, 0]
    assert "engine trains on 64 at most" in limits[0][0]


@pytest.mark.parametrize(
    ("profile", "model", "limit"),
    [
        ("", "gpt-3.5-turbo-0125", 16_385),
        ("azure", "gpt-3.5-turbo-0125", 16_385),
        ("mistral", "ft:gpt-4o-mini-2024-07-18:me::x", 65_536),
        ("mistral", "nobody-knows", None),
        ("azure", "nobody-knows", 65_536),
        ("mistral", "", None),
    ],
)
def test_the_models_own_limit_counts_where_it_is_known(
    service: Datasets, profile: str, model: str, limit: int | None
) -> None:
    response = service.check(incoming(line(" word" * 17_000)), profile, model=model)["response"]
    assert response["max_tokens"] == limit
    told = [one["message"] for one in response["findings"] if one["code"] == "too_long"]
    assert len(told) == (limit == 16_385)
    assert all("trains on 16385 at most" in message for message in told)


def test_the_engines_context_counts_before_any_models_limit() -> None:
    service = Datasets(Files(Upstream(Address("http://127.0.0.1:9/v1"))), "engine", context_tokens=64)
    assert service.check(incoming(line("Ho")), model="gpt-4o-mini-2024-07-18")["response"]["max_tokens"] == 64


def test_a_broken_archive_is_a_refusal_and_no_crash(service: Datasets) -> None:
    with pytest.raises(BadRequest) as refused:
        service.convert([incoming(b"PK\x03\x04" + bytes(300), "slack.zip")], {})
    assert refused.value.code == "unreadable_source"


def test_no_reader_is_imported_before_something_is_converted() -> None:
    program = "import sys, services; print([name for name in sys.modules if name.startswith('dataprep.sources')])"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_what_the_target_refuses_is_converted_but_not_sent_on() -> None:
    service = Datasets(Files(Upstream(Address("http://127.0.0.1:9/v1"))), "mistral")
    messages = [{"role": role, "content": role} for role in ("user", "assistant", "assistant")]
    dataset = service.convert([incoming(json.dumps({"messages": messages}).encode() + b"\n")], {})
    assert dataset.report["check"]["training"]["errors"] == {"consecutive_roles": 1}
    assert "Checked for mistral: 1 error (consecutive_roles 1)" in dataset.text
    with pytest.raises(BadRequest, match="consecutive_roles") as refused:
        service.upload(dataset)
    assert (refused.value.code, refused.value.details["report"]) == ("failed_check", dataset.report)


def test_fewer_examples_than_the_target_trains_on_are_not_sent_on() -> None:
    service = Datasets(Files(Upstream(Address("http://127.0.0.1:9/v1"))), "openai")
    dataset = service.convert([incoming(line("Ho"))], {})
    assert service.check(incoming(dataset.training.stream.read()))["status"] == "failed"
    with pytest.raises(BadRequest, match="it asks for 10 at least") as refused:
        service.upload(dataset)
    assert refused.value.code == "failed_check"
