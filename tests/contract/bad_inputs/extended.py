"""Rows G, L and C of promises.md's table at the service's calls beyond the documented ones, and at its pages."""

from tests.contract.bad_inputs.case import FILE, JOB, MULTIPART, Bad, everywhere, these
from tests.contract.bad_inputs.generic import PAGES
from tests.contract.bad_inputs.jobs import STEERING

_FORM = "application/x-www-form-urlencoded"
_PAGE = "/dashboard"
# Open without a key: they tell a reader that there are keys.
WAYS_IN = (f"POST {_PAGE}/login", "POST /logout", f"POST {_PAGE}/preferences")
_CHANGES = (
    *(f"POST {_PAGE}/new-job", f"POST {_PAGE}/files/{FILE}/delete", f"POST {_PAGE}/models/ft:tiny:o::1/delete"),
    *(f"POST {_PAGE}/jobs/{JOB}/{move}" for move in ("cancel", "pause", "resume")),
)
STATIC = tuple(
    f"GET {_PAGE}/static/{path}"
    for path in (
        "nope.js",
        "../../app.py",
        "..%2f..%2fapp.py",
        "%2e%2e/frame.py",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "%00",
    )
)
_LISTS = ("/files", "/jobs", f"/jobs/{JOB}/events", f"/jobs/{JOB}/checkpoints")
_NO_JOBS = ("ftjob-nope", "x" * 200, "ftjob-%0d%0ax", "%E4%BB%BB", "ftjob-'%20OR%201=1", "%2e%2e")
_NO_FILES = ("file-nope", "%E4%BB%BB", "x" * 300, "file-%0d%0ax", JOB, "%2e%2e", "%00")
_NO_MODELS = ("nope", "ft:tiny:o::1", "..%2fx", "a%2f..%2fb", "%2e%2e", "%00", "x" * 300, "%E4%BB%BB")


def _form(fields: str, code: str, status: int = 400) -> Bad:
    return Bad("G22", "", fields.encode(), status, code, fields[:40], {"Content-Type": _FORM})


_NO_PAGE_FORM = (
    *(
        Bad("G22", "", b"a=b", 415, "unsupported_content_type", f"as {kind}", {"Content-Type": kind})
        for kind in ("application/json", "text/plain", MULTIPART, None)
    ),
    Bad(
        "G23",
        "",
        b"a=b",
        415,
        "unsupported_encoding",
        "gzip",
        {"Content-Type": _FORM, "Content-Encoding": "gzip"},
    ),
    *(_form(fields, "unknown_parameter") for fields in ("nobody_knows=1", "__class__=1", "%00=1", "=1")),
    _form("x" * 70_000, "body_too_large", 413),
)
_TRAINED = f"training_file={FILE}&model=tiny"
_NO_JOB = (
    *(_form(fields, "missing_required_parameter") for fields in ("", "model=tiny", "training_file=&model=tiny")),
    *(_form(f"{_TRAINED}&n_epochs={n}", "invalid_value") for n in ("0", "-1", "x", "9" * 5000, "1.5")),
    *(_form(f"{_TRAINED}&suffix={text}", "invalid_value") for text in ("a%0d%0ab", "%00", "x" * 65)),
    _form(f"{_TRAINED}&validation_file={FILE}", "same_file"),
    _form("training_file=file-nope&model=tiny", "invalid_file"),
    _form(f"{_TRAINED}&once=a%20b", "invalid_idempotency_key"),
)
_TWO = {"models": ["a", "b"]}
_COMPARED = (
    *(({"models": value, "text": "x"}, "invalid_type") for value in these(None, 7, "a", {}, [7, 8], [["a"], ["b"]])),
    *(
        ({"models": value, "text": "x"}, "invalid_value")
        for value in these([], ["a"], ["a"] * 9, ["a", ""], ["a", "x" * 300])
    ),
    *(({**_TWO, **body}, "invalid_value") for body in ({}, {"text": ""}, {"text": "x", "messages": []})),
    ({"text": "x"}, "missing_required_parameter"),
    ({**_TWO, "text": "x", "model": "c"}, "unknown_parameter"),
    *(({**_TWO, "text": "x", name: "x"}, "unknown_parameter") for name in STEERING),
    *(({**_TWO, "text": "x", **more}, "unsupported_parameter") for more in ({"n": 2}, {"logprobs": True})),
)

SERVICE = (
    *everywhere(PAGES[::3], (f"DELETE /files/{FILE}", "DELETE /models/tiny", "POST /compare", *WAYS_IN, *_CHANGES)),
    *(
        Bad("L1", f"GET {path}?{query}", None, 400, code)
        for path in _LISTS
        for query, code in (
            *(
                (f"limit={text}", "invalid_value")
                for text in ("0", "-1", "x", "", "1e3", "99999999999", "%D9%A3", "+1")
            ),
            *((f"after={text}", "invalid_value") for text in ("nope", "%00", "..%2fx")),
            *((name, "unknown_parameter") for name in ("api_key=x", "metadata=x")),
        )
    ),
    Bad("L1", f"GET /jobs/{JOB}/events?stream=perhaps", None, 400, "invalid_value"),
    *(Bad("L1", f"GET /jobs/{JOB}/metrics?format={text}", None, 400, "invalid_value") for text in ("", "xml", "%00")),
    *(
        Bad("L1", f"GET /jobs/{name}/{part}", None, 404, "fine_tune_not_found")
        for name in _NO_JOBS
        for part in ("events", "events?stream=true", "metrics", "checkpoints")
    ),
    *(
        Bad("L1", f"POST /jobs/{name}/{move}", None, 404, "fine_tune_not_found")
        for name in _NO_JOBS
        for move in ("pause", "resume")
    ),
    *(Bad("L2", f"POST /jobs/{JOB}/{move}", None, 400, "job_already_completed") for move in ("pause", "resume")),
    *(Bad("L4", f"GET /files/{name}{more}", None, 404, None) for name in _NO_FILES for more in ("", "/content")),
    *(Bad("L4", f"DELETE /files/{name}", None, 404, None) for name in _NO_FILES),
    *(
        Bad("L1", f"{call.format(name)}", None, 404, "model_not_found")
        for call in ("GET /models/{}", "DELETE /models/{}", "GET /models/{}/export?format=gguf")
        for name in _NO_MODELS
    ),
    Bad("L1", "DELETE /models/tiny", None, 403, None, "a base model"),
    Bad("L1", "GET /models/tiny/export?format=gguf", None, 400, "not_fine_tuned"),
    Bad("L1", "GET /models/tiny/export?path=/etc/passwd", None, 400, "unknown_parameter"),
    *(Bad("C1", "POST /compare", body, 400, code) for body, code in _COMPARED),
    Bad("C2", "POST /compare", {**_TWO, "text": "x" * 9_000_000}, 413, "body_too_large", "9 MB of text"),
    *everywhere(_NO_PAGE_FORM, (*WAYS_IN, *_CHANGES)),
    *everywhere(_NO_JOB, (f"POST {_PAGE}/new-job",)),
    *everywhere(
        [_form(f"{name}=x", "invalid_value") for name in ("language", "theme")], (f"POST {_PAGE}/preferences",)
    ),
    *(
        Bad("L1", f"GET {_PAGE}/{page}?{query}", None, 400, code)
        for page, query, code in (
            *((page, "x=1", "unknown_parameter") for page in ("jobs", "files", "playground", "new-job", f"jobs/{JOB}")),
            *((page, "after=nope", "invalid_value") for page in ("jobs", "files")),
        )
    ),
    *(Bad("L1", f"GET {_PAGE}/jobs/{name}", None, 404, "fine_tune_not_found") for name in _NO_JOBS),
    *(Bad("G13", call, None, 404, "unknown_endpoint") for call in STATIC),
)
