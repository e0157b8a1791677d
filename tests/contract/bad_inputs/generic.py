"""Rows G of promises.md's table: what no endpoint takes, whatever it is sent to."""

from tests.contract.bad_inputs.case import ENDPOINT, FILE, JOB, MULTIPART, UPLOAD, Bad, everywhere

SERVICE_JSON = ("POST /fine_tuning", "POST /retrieve", "POST /chat", "POST /compare")
SERVICE_FORMS = (
    *("POST /upload_files", "POST /datasets/check", "POST /datasets/fix"),
    *("POST /datasets/convert", "POST /datasets/statistics", "POST /dashboard/data"),
    "POST /dashboard/data/file",
)
ENGINE_JSON = (
    *("POST /v1/fine_tuning/jobs", "POST /v1/chat/completions", "POST /v1/completions", "POST /v1/responses"),
    *("POST /v1/embeddings", "POST /v1/uploads", f"POST /v1/uploads/{UPLOAD}/complete", "POST /v1/webhook_endpoints"),
    *(f"POST /v1/webhook_endpoints/{ENDPOINT}{more}" for more in ("", "/rotate_secret", "/test")),
)


def _host(
    row: str, *hosts: str | tuple[str, ...] | None, status: int = 403, code: str = "host_not_allowed"
) -> list[Bad]:
    return [Bad(row, "", None, status, code, f"Host {host!a}", {"Host": host}) for host in hosts]


def _page(row: str, **headers: str) -> Bad:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Bad(row, "", None, 403, "origin_not_allowed", f"{named}", named)


# Refused at every call, by its headers alone.
HOSTS = [
    *_host("G1", "evil.test", "evil.test:9527", "rebound.evil.test"),
    *_host("G2", "127.0.0.1/#", "a/?x=", "localhost/", "localhost#", "localhost?x", "evil@127.0.0.1", "localhost@evil"),
    *_host("G2", "127.0.0.1.evil.test", "localhost.evil.test", "localhost.", "0.0.0.0", "127.1", "2130706433"),
    *_host("G2", "0x7f000001", "[::ffff:127.0.0.1]", "[::1", "::1", "localhost:", "localhost:80:80", "localhost:x"),
    *_host("G2", "localhost\\evil", "localhost evil", "*", "[]", ".", "localhost;evil", "%6c%6fcalhost"),
    *_host("G3", None, "", "lоcalhost", status=400, code="missing_host"),
    *_host("G4", ("localhost", "evil.test"), ("localhost", "localhost"), status=400, code="invalid_host"),
    *_host("G4", "localhost, evil.test", status=400, code="invalid_host"),
]
PAGES = [
    _page("G5", Origin="https://evil.test"),
    _page("G5", Origin="http://localhost.evil.test"),
    _page("G5", Origin="http://localhost:1", Sec_Fetch_Site="same-site"),
    _page("G5", Origin="https://evil.test", Sec_Fetch_Site="cross-site"),
    _page("G5", Sec_Fetch_Site="cross-site"),
    _page("G5", Sec_Fetch_Site="same-site"),
    _page("G5", Sec_Fetch_Site="nonsense"),
    _page("G5", Origin="localhost"),
    _page("G5", Origin="http://localhost, https://evil.test"),
    _page("G5", Origin="file://"),
    _page("G5", Origin="chrome-extension://abcdefghijklmnop"),
    _page("G6", Origin="null"),
    _page("G6", Origin="null", Sec_Fetch_Site="cross-site"),
]
# What is no JSON object that can be used.
BODIES = [
    *(Bad("G15", "", body, 400, "invalid_json") for body in (b"{", b"", b" \n", b'{"a": 1', b"{'a': 1}", b'{"a": 1,}')),
    *(Bad("G15", "", body, 400, "invalid_json") for body in (b"{} {}", b"\xef\xbb\xbf{}", b'{"a": 01}', b"undefined")),
    *(Bad("G15", "", body, 400, "invalid_json") for body in (b'{"a": "\n"}', b'{"a": "\\x41"}', b'{"a"}', b"/**/{}")),
    *(Bad("G15", "", body, 400, "body_must_be_object") for body in (b"null", b"[]", b'"x"', b"7", b"true", b"[{}]")),
    Bad("G16", "", b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "json_too_deep", "100,000 lists"),
    Bad("G16", "", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400, "json_too_deep", "100,000 objects"),
    Bad("G16", "", b'{"a":' * 64 + b"1" + b"}" * 64, 400, "json_too_deep", "65 levels"),
    Bad("G16", "", b"[" * 1_000_000, 400, "json_too_deep", "a million that open"),
    *(Bad("G17", "", b'{"a": %s}' % number, 400, "invalid_number") for number in (b"NaN", b"Infinity", b"-Infinity")),
    *(Bad("G17", "", b'{"a": %s}' % number, 400, "invalid_number") for number in (b"1e400", b"[-1e999]")),
    Bad("G17", "", b'{"a": ' + b"9" * 5000 + b"}", 400, "invalid_json", "5,000 digits"),
    *(Bad("G18", "", body, 400, "duplicate_key") for body in (b'{"model":"a","model":"b"}', b'{"a":{"b":1,"b":1}}')),
    Bad("G18", "", b'{"a":{"\\ud800":1,"\\ud800":2}}', 400, "invalid_unicode"),
    Bad("G18", "", b'{"model":"a","mod\\u0065l":"b"}', 400, "duplicate_key"),
    *(Bad("G19", "", body, 400, "invalid_unicode") for body in (b'{"a":"\\ud800"}', b'{"a":["\\udfff"]}')),
    *(Bad("G19", "", body, 400, "invalid_unicode") for body in (b'{"\\ud800":1}', b'{"a":"\\udc00\\ud800"}')),
    *(
        Bad("G21", "", body, 400, "invalid_encoding")
        for body in (b'{"a":"\xff"}', b'{"a":"\xc0\xaf"}', b"\xff\xfe{\x00}\x00")
    ),
    *(
        Bad("G21", "", body, 400, "invalid_encoding")
        for body in (b'{"a":"\xed\xa0\x80"}', '{"a":"ж"}'.encode("cp1251"))
    ),
]
TYPES = [
    *(
        Bad("G22", "", b"{}", 415, "unsupported_content_type", f"as {kind}", {"Content-Type": kind})
        for kind in (
            *("text/plain", "text/plain;application/json", "application/x-www-form-urlencoded", MULTIPART, None, ""),
            *("application/jsonx", "application/json-patch+json", "text/json", "application/*", "json", "*/*"),
        )
    ),
    *(
        Bad(
            "G21",
            "",
            b"{}",
            415,
            "unsupported_content_type",
            f"charset {name}",
            {"Content-Type": f"application/json; charset={name}"},
        )
        for name in ("bogus", "utf-16", "latin-1", "utf-7")
    ),
]
ENCODED = [
    Bad("G23", "", b"{}", 415, "unsupported_encoding", f"Content-Encoding {name}", {"Content-Encoding": name})
    for name in ("gzip", "deflate", "br", "gzip, identity", "x")
]
NO_FORM = [
    Bad("G22", "", b'{"files": "x"}', 415, "unsupported_content_type", f"as {kind}", {"Content-Type": kind})
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded", None)
]
# The first of two keys that open nothing; the key that opens is not sent with these.
KEYS = [
    *(
        Bad("G10", "", None, 401, "invalid_api_key", f"Authorization {said[:20]}", {"Authorization": said})
        for said in (
            "Bearer x",
            "Bearer t9_",
            "Basic dDk6eA==",
            f"Bearer t9_{'a' * 43}",
            "Bearer ' OR '1'='1",
        )
    ),
    Bad("G10", "", None, 401, "invalid_api_key", "a key of 60 KB", {"Authorization": f"Bearer {'x' * 60_000}"}),
    *(
        Bad("G10", "", None, 401, "missing_api_key", f"Authorization {said}", {"Authorization": said})
        for said in (None, "", "Bearer", "Bearer ", "Bearer ключ")
    ),
    Bad("G10", "", None, 431, None, "a key of 10 MB", {"Authorization": f"Bearer {'x' * 10_000_000}"}, by_http=True),
    Bad("G10", "", None, 400, None, "a NUL in a key", {"Authorization": "Bearer t9_\0"}, by_http=True),
]
PATHS = (
    *("/v1/nope", "//status", "/status/..", "/status/", "/%2e%2e/etc/passwd", "/../etc/passwd", "/%00", "/status%00"),
    *("/STATUS", "/status;x", "/status%2f", "/.env", "/.git/config", "/v1//files", "/v1/files/../files", "/статус"),
    *("/" + "x" * 4000, "/%ff%fe", "/%0d%0aSet-Cookie:x", "/static/x", "/console"),
)
NO_ROUTE = [Bad("G13", f"{method} {path}", None, 404, "unknown") for path in PATHS for method in ("GET", "POST")]
# Nobody is asked for a key there.
OPEN = ("GET /status", "GET /openapi.json", "GET /postman.json")

# One of each row, for calls that read a body as others do, where all of them are tried.
SOME = tuple({bad.row: bad for bad in (*BODIES, *TYPES, *ENCODED)}.values())

SERVICE = (
    *everywhere(HOSTS, ("POST /chat",)),
    *everywhere(HOSTS[::5], ("GET /status", "DELETE /jobs")),
    *everywhere(PAGES, ("POST /chat", "POST /upload_files", f"POST /jobs/{JOB}/cancel")),
    *everywhere(PAGES[::5], ("POST /fine_tuning", "POST /retrieve", "DELETE /jobs", *SERVICE_FORMS[1:])),
    *everywhere([*BODIES, *TYPES, *ENCODED], SERVICE_JSON),
    *everywhere([*NO_FORM, *ENCODED], SERVICE_FORMS),
)
ENGINE = (
    *everywhere(HOSTS, ("POST /v1/chat/completions",)),
    *everywhere(HOSTS[::5], ("GET /v1/models", f"DELETE /v1/files/{FILE}")),
    *everywhere(PAGES, ("POST /v1/files", f"DELETE /v1/files/{FILE}")),
    *everywhere(PAGES[::5], (*ENGINE_JSON, f"POST /v1/fine_tuning/jobs/{JOB}/cancel")),
    *everywhere([*BODIES, *TYPES, *ENCODED], ENGINE_JSON[:1]),
    *everywhere(SOME, ENGINE_JSON[1:]),
    *everywhere(ENCODED, ("POST /v1/files",)),
)
