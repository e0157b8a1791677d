"""No trick with path, method or Host gets to any rule of either server without a key: the rules are the apps' own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app import create_app
from config import EngineConfig, ServiceConfig
from engine.app import create_engine
from engine.routes import proof
from routes.access import PUBLIC
from tests.contract.bad_inputs.case import Bad, ask
from tests.contract.bad_inputs.servers import Servers
from tests.test_error_shape import path_of

OVERRIDES = {
    "X-HTTP-Method-Override": "GET",
    "X-HTTP-Method": "GET",
    "X-Original-URL": "/status",
    "X-Rewrite-URL": "/status",
    "X-Forwarded-Host": "localhost",
    "X-Forwarded-For": "127.0.0.1",
    "X-Forwarded-Prefix": "/status",
    "X-Accel-Redirect": "/status",
}
HOSTS = ("a/?", "a/#", "localhost/?", "localhost/#", "evil.test", "localhost@evil.test", "localhost#@evil.test")


@pytest.fixture(scope="module")
def servers(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    made = Servers(tmp_path_factory.mktemp("servers"), tiny_gguf, keys=True)
    try:
        yield made.wait()
    finally:
        made.end()


def rules(folder: Path, *, engine: bool) -> list[tuple[str, set[str]]]:
    """(path, methods) of every rule that asks for a key."""
    app = (
        create_engine(EngineConfig(data_dir=folder))
        if engine
        else create_app(ServiceConfig(data_dir=folder, openai_base_url="http://127.0.0.1:9/v1"))
    )
    public = {proof.ENDPOINT} if engine else PUBLIC
    found = [rule for rule in app.url_map.iter_rules() if rule.endpoint not in public]
    return [(path_of(rule), set(rule.methods or ())) for rule in found]


def tricks(path: str) -> Iterator[str]:
    """The same path, as others have written it to get past a check."""
    yield path
    yield from (f"/{path}", f"{path}/", f"{path}//", f"{path}/.", f"/.{path}", f"/x/..{path}", f"{path}/x/..")
    yield from (f"/%2e{path}", f"{path}%2f", f"{path}%00", f"{path}%20", f"{path};x=y", f"{path}?x=y", f"{path}#x")
    yield from (
        f"/%{ord(path[1:2] or 's'):02x}{path[2:]}",
        path.upper(),
        f"{path}.json",
        f"/status/..{path}",
        f"{path}/../status",
    )
    yield from (f"http://localhost{path}", f"http://evil.test{path}", path.replace("/", "%2f").replace("%2f", "/", 1))


@pytest.mark.parametrize("engine", [False, True], ids=["service", "engine"])
def test_no_trick_gets_past_the_key(servers: Servers, tmp_path: Path, engine: bool) -> None:
    before, port = servers.kept(), servers.port(engine=engine)
    for path, methods in rules(tmp_path, engine=engine):
        for method in sorted(methods | {"HEAD", "OPTIONS", "DELETE", "BREW"}):
            for way in tricks(path):
                bad = Bad("S10", f"{method} {way}", None, 401, None, headers=OVERRIDES)
                assert ask(port, bad.request({}, None)).status == 401, (method, way)
    assert servers.kept() == before


@pytest.mark.parametrize("engine", [False, True], ids=["service", "engine"])
def test_no_trick_with_the_host_gets_past_the_gate(servers: Servers, tmp_path: Path, engine: bool) -> None:
    port, opened = servers.port(engine=engine), servers.authorization(engine=engine)
    for path, methods in rules(tmp_path, engine=engine):
        for host in HOSTS:
            bad = Bad("S10", f"{min(methods)} {path}", None, 403, None, headers={"Host": host})
            assert ask(port, bad.request({}, opened)).status == 403, (path, host)
