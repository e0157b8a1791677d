"""API keys: shown once, kept as a hash, ended by their date or by hand, and told apart by what they may do."""

import json
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app import create_app
from config import EngineConfig, ServiceConfig
from engine.app import create_engine
from gate.access import Access
from gate.keys import NOBODY, SERVICE, KeyFile, bearer
from tests.fakes.bare_gguf import BARE
from wire.errors import ApiError

READ = frozenset({"read"})
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "data" / "keys.sqlite3")


def code_of(access: Access, authorization: str | None, scope: str = "read") -> tuple[int, str | None]:
    with pytest.raises(ApiError) as refused:
        access.require(authorization, scope)
    return refused.value.status, refused.value.code


def test_a_key_is_found_by_its_token_and_kept_only_as_its_hash(keys: KeyFile, tmp_path: Path) -> None:
    token, key = keys.make("laptop", READ)
    assert keys.find(token) == key
    assert keys.all() == [key]
    assert token not in repr(key)
    for file in (tmp_path / "data").iterdir():
        assert token.encode() not in file.read_bytes()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_another_process_sees_a_new_key_and_one_that_was_revoked(keys: KeyFile, tmp_path: Path) -> None:
    elsewhere = KeyFile(tmp_path / "data" / "keys.sqlite3")
    assert not elsewhere.exist()
    token, key = keys.make("laptop", READ)
    assert elsewhere.find(token) == key
    assert keys.revoke(key.id)
    assert not keys.revoke(key.id)
    assert elsewhere.find(token) is None


def test_a_key_ends_on_its_day(tmp_path: Path) -> None:
    now = [1_000_000.0]
    keys = KeyFile(tmp_path / "keys.sqlite3", lambda: now[0])
    token, key = keys.make("guest", READ, days=1)
    assert key.expires_at == 1_086_400
    now[0] = 1_086_399.0
    assert keys.find(token) == key
    now[0] = 1_086_400.0
    assert keys.find(token) is None
    assert keys.exist(), "an ended key does not open the door"


def test_many_threads_find_the_same_key(keys: KeyFile) -> None:
    token, key = keys.make("laptop", READ)
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(keys.find, [token] * 200)) == {key}


def test_without_keys_nobody_is_asked_for_one(keys: KeyFile) -> None:
    assert Access(keys).require(None, "admin") is NOBODY


def test_from_the_first_key_on_everybody_is_asked(keys: KeyFile) -> None:
    access = Access(keys)
    token, key = keys.make("laptop", READ)
    assert access.require(f"Bearer {token}", "read") == key
    assert access.require(f"bearer  {token} ", "read") == key
    assert code_of(access, None) == (401, "missing_api_key")
    assert code_of(access, f"Bearer {token}", "train") == (403, "insufficient_scope")


def test_an_admin_may_do_everything(keys: KeyFile) -> None:
    token, key = keys.make("root", frozenset({"admin"}))
    assert Access(keys).require(f"Bearer {token}", "train") == key


@pytest.mark.parametrize(
    "said",
    [
        *("Bearer x", "Bearer t9_", f"Bearer t9_{'a' * 43}", f"Basic t9_{'a' * 43}", f"Bearer t9_{'a' * 44}"),
        *("Bearer ' OR '1'='1", "Bearer t9_\x00", "Bearer ключ", f"Bearer {'x' * 100_000}", "Bearer a b"),
    ],
)
def test_a_wrong_key_is_refused_alike_whatever_is_wrong(keys: KeyFile, said: str) -> None:
    keys.make("laptop", READ)
    assert code_of(Access(keys), said) == (401, "invalid_api_key")
    assert code_of(Access(keys, secret="s3cret"), said) == (401, "invalid_api_key")


def test_on_an_address_that_others_reach_a_key_is_always_asked_for(keys: KeyFile, tmp_path: Path) -> None:
    access = Access.at("0.0.0.0", tmp_path / "none.sqlite3")
    assert code_of(access, None) == (401, "missing_api_key")
    assert "make key" in access.find_fault("HOST", "intranet.example")
    keys.make("laptop", READ)
    keyed = Access(keys, always=True)
    assert "ALLOWED_HOSTS" in keyed.find_fault("HOST", "")
    assert keyed.find_fault("HOST", "intranet.example") == ""


@pytest.mark.parametrize("empty", [False, True])
def test_where_a_key_is_required_nobody_gets_in_until_one_is_made(tmp_path: Path, empty: bool) -> None:
    keys = KeyFile(tmp_path / "keys.sqlite3")
    if empty:
        assert keys.revoke(keys.make("gone", READ)[1].id)
    client = create_app(ServiceConfig(data_dir=tmp_path, require_key="on", rate_limit=0)).test_client()
    assert [client.get(path).status_code for path in ("/status", "/jobs", "/")] == [200, 401, 401]
    assert client.post("/chat", json={"text": "Hi"}).get_json()["response"]["code"] == "missing_api_key"
    access = Access.at("127.0.0.1", tmp_path / "keys.sqlite3", required=True)
    assert access.find_fault("HOST", "") == "", "it starts, and waits for the key"
    token, key = keys.make("laptop", READ)
    assert access.require(f"Bearer {token}", "read") == key
    assert client.get("/dashboard/reference", headers={"Authorization": f"Bearer {token}"}).status_code != 401


def test_an_engine_alone_that_requires_a_key_lets_nobody_in_either(tmp_path: Path) -> None:
    (tmp_path / "base.gguf").write_bytes(BARE)
    config = EngineConfig(data_dir=tmp_path, base_model=str(tmp_path / "base.gguf"), require_key="on")
    engine = create_engine(config)
    assert engine.test_client().get("http://localhost/v1/models").status_code == 401
    engine.extensions["engine"].store.close()


def test_the_secret_of_two_servers_opens_everything(keys: KeyFile) -> None:
    access = Access(keys, secret="s3cret")
    assert access.require("Bearer s3cret", "admin") is SERVICE
    assert "s3cret" not in repr(access)
    assert code_of(access, None) == (401, "missing_api_key")


def test_a_header_without_a_token_is_no_key() -> None:
    for said in (None, "", "Bearer", "Bearer "):
        with pytest.raises(ApiError, match="make key"):
            bearer(said)


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"DATA_DIR": str(tmp_path / "data"), "PATH": "", "REQUIRE_KEY": "on"}
    command = [sys.executable, "-m", "gate", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_a_person_makes_lists_and_revokes_keys_by_hand(tmp_path: Path) -> None:
    made = run(tmp_path, "new", "--name", "laptop", "--scopes", "read,chat", "--days", "30")
    token = made.stdout.strip()
    key = KeyFile(tmp_path / "data" / "keys.sqlite3").find(token)
    assert key is not None
    assert (key.name, key.scopes) == ("laptop", frozenset({"read", "chat"}))
    assert "the first" in made.stderr
    listed = run(tmp_path, "list").stdout
    assert key.id in listed
    assert token not in listed + made.stderr
    revoked = run(tmp_path, "revoke", key.id)
    assert (revoked.returncode, "nobody gets in" in revoked.stderr) == (0, True)
    assert run(tmp_path, "revoke", key.id).returncode == 1
    noted = [json.loads(line) for line in (tmp_path / "data" / "audit.jsonl").read_text().splitlines()]
    assert [(line["action"], line["subjects"]) for line in noted] == [("gate.new", [key.id]), ("gate.revoke", [key.id])]
    assert (noted[0]["scopes"], noted[0]["days"]) == (["chat", "read"], 30)


@pytest.mark.parametrize("arguments", [("new", "--scopes", "root"), ("new", "--days", "0"), ("new", "--scopes", "")])
def test_a_key_that_makes_no_sense_is_not_made(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert run(tmp_path, *arguments).returncode == 2
    assert not KeyFile(tmp_path / "data" / "keys.sqlite3").exist()
