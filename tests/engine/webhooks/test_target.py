"""Which addresses are of the public internet, and what a webhook's URL may look like."""

import pytest

from engine.webhooks import target
from wire.errors import BadRequest

NOBODY: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "93.184.216.34",
        "198.17.255.255",
        "198.20.0.1",
        "223.255.255.254",
        "2606:4700::1111",
        "64:ff9b::808:808",
    ],
)
def test_a_public_address_passes(address: str) -> None:
    assert target.is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.254",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.0.170",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::808:808",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::808:808",
        "100::1",
        "2001::1",
        "2001:1::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00::1",
        "fe80::1",
        "fe80::1%lo",
        "2606:4700::1111%lo",
        "fec0::1",
        "ff02::1",
        "nonsense",
        "",
    ],
)
def test_any_other_address_does_not(address: str) -> None:
    assert not target.is_public(address)


@pytest.mark.parametrize(
    ("url", "host", "port", "authority"),
    [
        ("https://hooks.example", "hooks.example", 443, "hooks.example"),
        ("HTTPS://Hooks.Example:443/A?b=c%20d", "hooks.example", 443, "hooks.example"),
        ("https://hooks.example.:8443?x", "hooks.example", 8443, "hooks.example:8443"),
        ("https://[2606:4700::1111]/", "2606:4700::1111", 443, "[2606:4700::1111]"),
    ],
)
def test_a_url_is_taken_apart_once(url: str, host: str, port: int, authority: str) -> None:
    found = target.parse(url, NOBODY)
    assert (found.host, found.port, found.authority, found.trusted) == (host, port, authority, False)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example",
        "//hooks.example/",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "gopher://hooks.example:443/",
        "https:///path",
        "https://:443/",
        "https://user@hooks.example/",
        "https://user:pw@hooks.example/",
        "https://hooks.example@127.0.0.1/",
        "https://127.0.0.1#@hooks.example/",
        "https://hooks.example/#fragment",
        "https://hooks.example\\@127.0.0.1/",
        "https://hooks.example/a b",
        "https://hooks.example/\r\nHost: x",
        "https://hooks.example/\x00",
        "\thttps://hooks.example/",
        "https://hooks.ex\tample/",
        "https://hooks.example:99999999/",
        "https://%31%32%37.0.0.1/",
        "https://①②⑦.⓪.⓪.①/",
        "https://ⓗooks.example/",
        "https://[fe80::1%25lo]/",
        "https://[::1/",
        "https://hooks.example/" + "x" * 2048,
    ],
)
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(BadRequest) as refused:
        target.parse(url, NOBODY)
    assert (refused.value.code, refused.value.param) == ("invalid_value", "url")


@pytest.mark.parametrize("url", ["http://hooks.example/", "https://hooks.example:9528/", "http://hooks.example:443/"])
def test_other_ports_and_http_are_for_hosts_of_the_settings_alone(url: str) -> None:
    with pytest.raises(BadRequest, match="WEBHOOK_ALLOWED_HOSTS") as refused:
        target.parse(url, NOBODY)
    assert refused.value.code == "webhook_target_not_allowed"
    assert target.parse(url, frozenset({"hooks.example"})).trusted


@pytest.mark.parametrize(
    ("entry", "url", "trusted"),
    [
        ("127.0.0.1:8000", "http://127.0.0.1:8000/x", True),
        ("127.0.0.1:8443", "https://127.0.0.1/", False),
        ("[::1]:8443", "https://[::1]:8443/", True),
        ("[::1]", "https://[::1]/", True),
        ("hooks.example", "https://HOOKS.example./", True),
        ("example", "https://hooks.example/", False),
        ("hooks.example", "https://hooks.example.evil.test/", False),
    ],
)
def test_the_settings_name_a_host_whole(entry: str, url: str, trusted: bool) -> None:
    assert target.parse(url, frozenset({entry})).trusted is trusted
