"""`POST /v1/proof`: the engine proves that it knows its key to whoever asks, and says nothing by it."""

import hmac
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from config import EngineConfig
from engine.app import create_engine
from gate import KeyFile
from tests.test_error_shape import assert_engine_shape
from wire import proof

SECRET, CHALLENGE = "known-to-both", "0123456789abcdef" * 4


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    return create_engine(EngineConfig(data_dir=tmp_path, api_key=SECRET, port=9600)).test_client()


def test_a_challenge_is_answered_without_a_key_and_with_nothing_else(client: FlaskClient) -> None:
    reply = client.post(proof.PATH, headers={proof.CHALLENGE: CHALLENGE})
    assert (reply.status_code, reply.data) == (204, b"")
    assert reply.headers[proof.PROOF] == proof.prove(SECRET, 9600, CHALLENGE)


@pytest.mark.parametrize("challenge", ["", "0" * 63, "0" * 65, CHALLENGE.upper(), "é" * 64])
def test_what_is_no_challenge_is_not_signed(client: FlaskClient, challenge: str) -> None:
    reply = client.post(proof.PATH, headers={proof.CHALLENGE: challenge})
    assert_engine_shape(reply)
    assert reply.status_code == 400
    assert proof.PROOF not in reply.headers


def test_an_engine_without_a_key_proves_nothing(tmp_path: Path) -> None:
    client = create_engine(EngineConfig(data_dir=tmp_path)).test_client()
    KeyFile(tmp_path / "keys.sqlite3").make("admin", frozenset({"admin"}))
    reply = client.post(proof.PATH, headers={proof.CHALLENGE: CHALLENGE})
    assert reply.status_code == 404
    assert proof.PROOF not in reply.headers


def test_a_proof_is_of_one_secret_one_port_one_challenge_and_no_plain_hmac() -> None:
    other = CHALLENGE[::-1]
    proofs = {proof.prove(*one) for one in ((SECRET, 1, CHALLENGE), ("x", 1, CHALLENGE), (SECRET, 2, CHALLENGE))}
    plain = {hmac.digest(SECRET.encode(), text.encode(), "sha256").hex() for text in (CHALLENGE, f"1\n{CHALLENGE}")}
    assert len(proofs | {proof.prove(SECRET, 1, other)} | plain) == 6
