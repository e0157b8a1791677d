"""Where calls go, and that the environment cannot lead them astray."""

from collections.abc import Iterator

import pytest

from observe.masking import mask
from services.address import Address
from services.client import Upstream, pick
from services.failures import Unreachable
from services.fine_tuning import FineTuning
from tests.fakes.openai_upstream import FILE_ID, JOB_ID, FakeOpenAI, refusal
from tests.fakes.ports import free_port
from wire.errors import ApiError, Unavailable, UpstreamFailed


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    server = FakeOpenAI()
    server.new_job({"model": "m", "training_file": FILE_ID})
    yield server
    server.close()


def test_a_proxy_of_the_environment_is_not_used_for_this_machine(
    fake: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert FineTuning(Upstream(Address(fake.base_url))).retrieve(JOB_ID)["id"] == JOB_ID


def test_organization_and_project_go_along(fake: FakeOpenAI) -> None:
    address = Address(fake.base_url, "sk-x", organization="org-1", project="proj-1")
    upstream = Upstream(address)
    FineTuning(upstream).retrieve(JOB_ID)
    upstream.post("/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "Hi"}]})
    for asked in fake.seen:
        assert asked.headers["authorization"] == "Bearer sk-x"
        assert (asked.headers["openai-organization"], asked.headers["openai-project"]) == ("org-1", "proj-1")


def test_a_password_in_the_address_is_sent_either_way(fake: FakeOpenAI) -> None:
    upstream = Upstream(Address(fake.base_url.replace("http://", "http://me:secret@"), "sk-x"))
    FineTuning(upstream).retrieve(JOB_ID)
    upstream.post("/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "Hi"}]})
    first, second = (asked.headers["authorization"] for asked in fake.seen)
    assert first == second


def test_an_address_that_cannot_be_asked_is_unreachable() -> None:
    upstream = Upstream(Address(f"http://127.0.0.1:{free_port()}/{'x' * 70_000}"))
    upstream.warm()
    with pytest.raises(Unreachable, match="URL too long"):
        FineTuning(upstream).retrieve(JOB_ID)


def test_a_page_whose_address_would_be_too_long_is_not_our_mistake(fake: FakeOpenAI) -> None:
    with pytest.raises(Unreachable, match="too long"):
        FineTuning(Upstream(Address(fake.base_url))).page({"after": "x" * 70_000})


def test_a_list_that_breaks_off_amidst_is_no_short_list(fake: FakeOpenAI) -> None:
    for _ in range(150):
        fake.new_job({"model": "m", "training_file": "file-a"})
    jobs = FineTuning(Upstream(Address(fake.base_url))).all()
    next(jobs)
    fake.fail("GET /v1/fine_tuning/jobs", refusal(404, "Not Found", None))
    with pytest.raises(ApiError):
        list(jobs)
    fake.trains = False
    assert list(FineTuning(Upstream(Address(fake.base_url))).all()) == []


def test_no_call_is_made_before_the_upstream_is_ready(fake: FakeOpenAI) -> None:
    def not_yet() -> None:
        raise Unavailable("still starting")

    with pytest.raises(Unavailable):
        FineTuning(Upstream(Address(fake.base_url), not_yet)).retrieve(JOB_ID)
    assert fake.seen == []


def test_a_base_url_is_shown_without_its_password() -> None:
    assert Upstream(Address("http://me:secret@box:9528/v1")).shown_url == "http://box:9528/v1"


@pytest.mark.parametrize(
    ("text", "key", "shown"),
    [
        ("wrong key my-own-key-0123456789", "my-own-key-0123456789", "wrong key ****6789"),
        ("wrong key sk-proj-0123456789abcdef.", "", "wrong key ****cdef."),
        ("sk-XG6GW****wlmi", "", "sk-XG6GW****wlmi"),
        ("short", "short", "short"),
    ],
)
def test_of_a_key_the_last_four_letters_are_shown(text: str, key: str, shown: str) -> None:
    assert mask(text, key) == shown


def test_an_object_without_an_id_is_nonsense() -> None:
    with pytest.raises(UpstreamFailed):
        pick({"status": "ok"}, "id")
    assert pick({"id": "x", "more": 1}, "id", "model") == {"id": "x", "model": None}
