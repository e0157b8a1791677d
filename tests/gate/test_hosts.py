"""The Host header: names of this server pass, whatever a rebound page or a trick sends does not."""

import pytest

from gate.hosts import is_loopback, known_hosts, require_known
from wire.errors import ApiError

KNOWN = known_hosts("127.0.0.1", "Intranet.example [fd00::1]")


@pytest.mark.parametrize(
    "host",
    ["localhost", "LocalHost:9527", "127.0.0.1:9527", "[::1]:9527", "[::1]", "intranet.example:80", "[FD00::1]:1"],
)
def test_a_name_of_this_server_passes_with_any_port(host: str) -> None:
    require_known(host, KNOWN)


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "evil.test:9527",
        *("127.0.0.1/#", "a/?x=", "localhost/", "localhost#", "localhost?", "localhost\\evil", "localhost evil"),
        *("evil@127.0.0.1", "127.0.0.1.evil.test", "localhost.", "0.0.0.0", "127.1", "2130706433", "0x7f000001"),
        *("::1", "[::1", "[::ffff:127.0.0.1]", "localhost:", "localhost:x", "localhost:999999", "localhost:80:80"),
        *("локалхост", "localhost\x00", "localhost\n", " localhost", "*", "[]", "."),
    ],
)
def test_every_other_host_is_refused(host: str) -> None:
    with pytest.raises(ApiError) as refused:
        require_known(host, KNOWN)
    assert (refused.value.status, refused.value.code) == (403, "host_not_allowed")
    assert refused.value.message.isascii()


@pytest.mark.parametrize(("host", "code"), [(None, "missing_host"), ("", "missing_host"), ("a,b", "invalid_host")])
def test_a_request_without_one_host_is_malformed(host: str | None, code: str) -> None:
    with pytest.raises(ApiError) as refused:
        require_known(host, KNOWN)
    assert (refused.value.status, refused.value.code) == (400, code)


def test_an_address_that_others_reach_is_no_name_by_itself() -> None:
    assert known_hosts("0.0.0.0", "") == known_hosts("192.168.1.5", "") == {"127.0.0.1", "localhost", "::1"}
    assert "127.0.0.7" in known_hosts("127.0.0.7", "")


@pytest.mark.parametrize(
    ("host", "own"), [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("box", False)]
)
def test_which_addresses_only_this_machine_reaches(host: str, own: bool) -> None:
    assert is_loopback(host) is own
