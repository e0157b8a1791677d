"""A hostile page in a real browser changes nothing on either server and reads nothing of them, rebound or not."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.contract.bad_inputs.case import FILE, JOB
from tests.contract.bad_inputs.servers import Servers
from tests.contract.bad_inputs.uploads import LINE
from tests.fakes.hostile_page import HostileServer
from tests.fakes.ports import until

CROSS_SITE = (
    *(
        "form, text/plain",
        "form, multipart",
        "form, urlencoded",
        "fetch, no-cors",
        "fetch, cors",
        "fetch, cors, simple",
    ),
    *("sandboxed frame", "image", "EventSource", "beacon"),
)
EVIL, FRIEND = "evil.test", "friend.test"
HI = [{"role": "user", "content": "Hi"}]


@dataclass(frozen=True)
class World:
    """Both servers, without keys, as they start out but for one friendly origin; and where the page comes from."""

    servers: Servers
    site: HostileServer

    def url(self, name: str) -> str:
        return f"http://{name}:{self.site.port}/"

    def targets(self, *, engine: bool) -> list[dict[str, Any]]:
        """What a page would do: each would succeed if a program of the user's did it."""
        ids = self.servers.ids
        train, content = {"training_file": ids[FILE], "model": "tiny"}, LINE.decode()
        made = [
            _target("GET", "/v1/models"),
            _target("POST", "/v1/files", form={"purpose": "user_data"}, file="file", content=content),
            _target("POST", "/v1/fine_tuning/jobs", json=train),
            _target("POST", "/v1/chat/completions", json={"model": "tiny", "messages": HI, "max_tokens": 1}),
            _target("POST", "/v1/uploads/nope/cancel"),
            _target("DELETE", f"/v1/files/{ids[FILE]}"),
        ]
        if not engine:
            made = [
                _target("GET", "/status"),
                _target("POST", "/upload_files", form={"validate": "false"}, file="files", content=content),
                _target("POST", "/fine_tuning", json=train),
                _target("POST", "/retrieve", json={"fine_tuning_job_id": ids[JOB]}),
                _target("POST", "/chat", json={"text": "Hi", "max_tokens": 1}),
                _target("POST", f"/jobs/{ids[JOB]}/cancel"),
            ]
        base = f"http://127.0.0.1:{self.servers.port(engine=engine)}"
        return [{**one, "url": base + one["url"]} for one in made]

    def let_in(self) -> list[str]:
        """What the service has noted of calls that were let in."""
        noted = self.servers.data.parent / "service" / "audit.jsonl"
        lines = noted.read_text().splitlines() if noted.exists() else []
        return [line for line in lines if json.loads(line)["action"] != "refused"]


def _target(method: str, path: str, **more: Any) -> dict[str, Any]:
    return {"method": method, "url": path, "json": {}, "form": {"a": "b"}, "file": "", "content": "", **more}


@pytest.fixture(scope="module")
def world(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    site = HostileServer()
    friendly = {"ALLOWED_ORIGINS": f"http://{FRIEND}:{site.port}"}
    servers = Servers(tmp_path_factory.mktemp("world"), tiny_gguf, keys=False, **friendly)
    try:
        yield World(servers.wait(), site)
    finally:
        servers.end()
        site.close()


@pytest.fixture(scope="module", params=["checked", "unchecked"])
def browser(launch: Callable[..., Browser], request: pytest.FixtureRequest, world: World) -> Iterator[Browser]:
    """Chromium in which the page is of the public internet, or, unchecked, with no rule of its own for such pages."""
    names = f"--host-resolver-rules=MAP {EVIL} 127.0.0.1, MAP {FRIEND} 127.0.0.1"
    public = f"--ip-address-space-overrides=127.0.0.1:{world.site.port}=public"
    unchecked = "--disable-features=LocalNetworkAccessChecks"
    chromium = launch(args=[names, public if request.param == "checked" else unchecked])
    yield chromium
    chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def read_by(page: Page, vector: str, targets: list[dict[str, Any]]) -> list[str]:
    """Try one way on all targets; return what the page could read of each."""
    return list(page.evaluate("([way, all]) => Promise.all(all.map(one => attack(way, one)))", [vector, targets]))


def refusals(world: World) -> int:
    """How many calls the servers say that they refused for the page that sent them."""
    return world.servers.log().count("origin_not_allowed")


def has_refused_more(world: World, than: int) -> bool:
    """Whether there are more of them by now."""
    return refusals(world) > than


@pytest.mark.parametrize("vector", CROSS_SITE)
def test_a_page_of_another_site_changes_and_reads_nothing(page: Page, world: World, vector: str) -> None:
    page.goto(world.url(EVIL))
    before = world.servers.kept(), world.let_in()
    both = world.targets(engine=False) + world.targets(engine=True)
    assert read_by(page, vector, both) == [""] * len(both)
    page.wait_for_timeout(50)  # a beacon is not waited for
    assert (world.servers.kept(), world.let_in()) == before


@pytest.mark.parametrize("engine", [False, True], ids=["service", "engine"])
def test_a_rebound_page_reads_refusals_and_no_more(page: Page, world: World, engine: bool) -> None:
    page.goto(world.url(EVIL))
    before = world.servers.kept(), world.let_in()
    world.site.flip = world.servers.port(engine=engine)
    try:
        read = read_by(page, "same origin", world.targets(engine=engine))
    finally:
        world.site.flip = None
    told = [json.loads(one)["error" if engine else "response"]["code"] for one in read]
    assert told == ["host_not_allowed"] * 6
    assert (world.servers.kept(), world.let_in()) == before


@pytest.mark.parametrize("browser", ["unchecked"], indirect=True)  # the browser's own rule allows no such page at all
@pytest.mark.parametrize("engine", [False, True], ids=["service", "engine"])
def test_what_these_ways_do_where_they_are_allowed_is_seen(page: Page, world: World, engine: bool) -> None:
    """Without this the tests above would pass with a page that does nothing."""
    page.goto(world.url(FRIEND))
    before = world.servers.kept()["files"]
    some = world.targets(engine=engine)[:2]
    read = read_by(page, "fetch, cors", some)
    assert '"object"' in read[0] if engine else read[0] == '{"info":"ok","response":{}}\n'
    assert '"file-' in read[1]
    assert len(world.servers.kept()["files"]) == len(before) + 1
    for vector in ("form, multipart", "fetch, no-cors", "beacon", "sandboxed frame"):
        refused = refusals(world)
        page.goto(world.url(EVIL))
        read_by(page, vector, world.targets(engine=engine))
        until(partial(has_refused_more, world, refused))
