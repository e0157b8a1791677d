"""Row W of promises.md's table: where events are sent."""

from typing import Any

from tests.contract.bad_inputs.case import ENDPOINT, Bad

EVENT = "fine_tuning.job.succeeded"
GOOD = {"event_types": [EVENT], "name": "hook", "url": "https://93.184.216.34/hook"}
# This machine, as one may write it.
THIS = (
    *(
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0",
        "localhost",
        "localhost.",
        "127.255.255.254",
    ),
    *(
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[::ffff:0:127.0.0.1]",
    ),
)
# Networks that are nobody's in public.
PRIVATE = (
    *("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "169.254.169.254", "2852039166"),
    *(
        "[fd00::1]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[fd00:ec2::254]",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
    ),
    *("192.0.0.1", "198.18.0.1", "192.88.99.1", "192.0.2.1", "[2001:db8::1]", "[::ffff:169.254.169.254]"),
)
FORMS = (
    *("https://①②⑦.⓪.⓪.①/", "https://user@93.184.216.34/", "https://93.184.216.34@127.0.0.1/", "https://127.0.0.1#@x/"),
    *("ftp://93.184.216.34/", "file:///etc/passwd", "gopher://127.0.0.1/", "javascript:alert(1)", "//93.184.216.34/"),
    *("https://", "93.184.216.34", "https://93.184.216.34/\r\nHost: x", "https://93.184.216.34/\0", "https://a b/", ""),
    *("https://93.184.216.34/" + "x" * 2048, "https://[::1/", "https://%31%32%37.0.0.1/", "https://93.184.216.34\\@x/"),
)
PORTS = (
    "http://93.184.216.34/",
    "https://93.184.216.34:22/",
    "https://93.184.216.34:9528/",
    "http://93.184.216.34:443/",
)


def _both(row: str, url: str, code: str) -> tuple[Bad, Bad]:
    return (
        Bad(row, "POST /v1/webhook_endpoints", {**GOOD, "url": url}, 400, code, url[:40]),
        Bad(row, f"POST /v1/webhook_endpoints/{ENDPOINT}", {"url": url}, 400, code, url[:40]),
    )


def _create(row: str, wrong: dict[str, Any], code: str) -> Bad:
    return Bad(row, "POST /v1/webhook_endpoints", {**GOOD, **wrong}, 400, code, f"{wrong}"[:60])


ENGINE = (
    *(bad for host in THIS for bad in _both("W2", f"https://{host}/", "webhook_target_not_allowed")),
    *(bad for host in PRIVATE for bad in _both("W3", f"https://{host}/", "webhook_target_not_allowed")),
    *(bad for url in PORTS for bad in _both("W3", url, "webhook_target_not_allowed")),
    *(bad for url in FORMS for bad in _both("W2", url, "invalid_value")),
    *(
        _create("W6", {name: "whsec_x"}, "unknown_parameter")
        for name in ("secret", "signing_secret", "headers", "proxy")
    ),
    *(
        _create("W1", {"name": value}, code)
        for value, code in (
            *(("", "invalid_value"), ("x" * 257, "invalid_value"), (7, "invalid_type"), ("a\r\nb", "invalid_value")),
            *(("\x1b[2J", "invalid_value"), ("\u202e", "invalid_value"), ("\0", "invalid_value")),
        )
    ),
    *(
        _create("W1", {"event_types": value}, code)
        for value, code in (
            *(
                ([], "invalid_value"),
                ("x", "invalid_type"),
                ([7], "invalid_type"),
                (["batch.completed"], "unsupported_value"),
            ),
            (["*"], "unsupported_value"),
        )
    ),
    *(_create("W1", {"url": value}, "invalid_type") for value in (7, None, ["https://93.184.216.34/"])),
    Bad("W1", f"POST /v1/webhook_endpoints/{ENDPOINT}/test", {"event_type": "x"}, 400, "unsupported_value"),
    Bad("W1", f"POST /v1/webhook_endpoints/{ENDPOINT}/test", {}, 400, "missing_required_parameter"),
    Bad("W6", f"POST /v1/webhook_endpoints/{ENDPOINT}/rotate_secret", {"secret": "x"}, 400, "unknown_parameter"),
    *(
        Bad("W1", f"{method} /v1/webhook_endpoints/{name}", None, 404, None)
        for method in ("GET", "DELETE")
        for name in ("we_nope", "%00", "..%2fx")
        if "%2f" not in name
    ),
)
