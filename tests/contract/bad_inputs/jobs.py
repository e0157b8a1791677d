"""Rows F and L of promises.md's table: jobs and lists."""

from typing import Any

from tests.contract.bad_inputs.case import FILE, JOB, Bad, these

JOBS = "/v1/fine_tuning/jobs"
_LONG = "x" * 300
NO_NAMES = (
    "../../models/x",
    "http://evil.test/m",
    "--help",
    "/etc/passwd",
    "ft:tiny:o::12345678",
    "gpt-5",
    "tiny\n",
    "TINY",
)
NO_FILES = ("file-nope", "../../etc/passwd", "http://169.254.169.254/", "--help", "/etc/passwd", "файл", ".")
# Settings that other programs of this kind take, which would steer this one.
STEERING = (
    *("output_dir", "command", "env", "callbacks", "report_to", "resume_from_checkpoint", "deepspeed", "config"),
    *("chat_template", "trust_remote_code", "base_url", "api_base", "api_key", "device", "entrypoint", "runtime_env"),
    *(
        "template",
        "adapter",
        "owner",
        "id",
        "status",
        "organization_id",
        "fine_tuned_model",
        "__class__",
        "constructor",
    ),
)
EPOCHS: tuple[Any, ...] = (0, -1, 51, 1.5, 1e9, 10**30, True, "3", "AUTO", "", [], {}, [3])
RATES: tuple[Any, ...] = (0, -1, 1001, 1e308, "fast", True, [], {})


def _job(row: str, wrong: dict[str, Any], code: str | None, without: tuple[str, ...] = ()) -> Bad:
    body = {"model": "tiny", "training_file": FILE, **wrong}
    return Bad(
        row,
        "",
        {name: value for name, value in body.items() if name not in without},
        400,
        code,
        f"{wrong or without}"[:60],
    )


# What both servers refuse alike, themselves.
CREATE = (
    _job("F2", {}, "missing_required_parameter", ("training_file",)),
    *(_job("F2", {"training_file": value}, "invalid_type") for value in these(None, 7, True, [], {}, [FILE])),
    *(_job("F2", {"training_file": value}, "invalid_value") for value in ("", _LONG, "file-\0", "file-\x1b[2J")),
    *(_job("F1", {"model": value}, "invalid_type") for value in these(42, True, [], {"id": "tiny"})),
    *(_job("F1", {"model": value}, "invalid_value") for value in ("", _LONG, "tiny\0")),
    _job("F3", {"validation_file": FILE}, "same_file"),
    *(_job("F2", {"validation_file": value}, "invalid_type") for value in (7, [FILE])),
    _job("F2", {"validation_file": ""}, "invalid_value"),
    *(_job("F6", {"suffix": value}, "invalid_value") for value in ("x" * 65, "", "名" * 65)),
    *(
        _job("G31", {"suffix": value}, "invalid_value")
        for value in ("a\r\nb", "\x1b[2Ja", "a\u202eb", "a\0", "a\x7f", "\u2028")
    ),
    *(_job("F6", {"suffix": value}, "invalid_type") for value in (7, ["x"], {"a": 1}, True)),
    *(_job("F7", {name: "x"}, "unknown_parameter") for name in STEERING),
    *(
        _job("F7", {"hyperparameters": {name: 1}}, "unknown_parameter")
        for name in ("output_dir", "lr", "epochs", "env")
    ),
    *(
        _job(
            "F7", {"method": {"type": "supervised", "supervised": {"hyperparameters": {name: 1}}}}, "unknown_parameter"
        )
        for name in ("output_dir", "chat_template", "beta")
    ),
    *(_job("F5", {"hyperparameters": {"n_epochs": value}}, "invalid_value") for value in EPOCHS),
    *(
        _job("F5", {"hyperparameters": {"batch_size": value}}, "invalid_value")
        for value in these(0, 257, -1, 1.5, "big", [], True)
    ),
    *(_job("F5", {"hyperparameters": {"learning_rate_multiplier": value}}, "invalid_value") for value in RATES),
    *(_job("F5", {"hyperparameters": value}, "invalid_type") for value in these(7, "x", [], True)),
    *(
        _job("F5", {"method": value}, code)
        for value, code in (
            *((7, "invalid_type"), ({}, "missing_required_parameter"), ({"type": "ppo"}, "invalid_value")),
            *(({"type": 7}, "invalid_value"), ({"type": "dpo", "dpo": []}, "invalid_type")),
            ({"type": "dpo", "dpo": {"hyperparameters": {"beta": 3}}}, "invalid_value"),
            ({"type": "dpo", "dpo": {"hyperparameters": {"beta": 0}}}, "invalid_value"),
        )
    ),
    *(
        _job("F5", {"method": {"type": "reinforcement", "reinforcement": {"hyperparameters": value}}}, code)
        for value, code in (
            *(("abc", "invalid_type"), ([], "invalid_type"), ({"n_epochs": -5}, "invalid_value")),
            *(({"n_epochs": "50"}, "invalid_value"), ({"batch_size": 0}, "invalid_value")),
        )
    ),
    *(
        _job("F5", {"seed": value}, code)
        for value, code in (
            *(
                (-1, "invalid_value"),
                (2**31, "invalid_value"),
                (1.5, "invalid_type"),
                ("1", "invalid_type"),
                (True, "invalid_type"),
            ),
        )
    ),
    *(
        _job("G31", {"metadata": value}, code)
        for value, code in (
            *((7, "invalid_type"), ([], "invalid_type"), ({"a": 7}, "invalid_type"), ({"a": None}, "invalid_type")),
            *(({"a": "x" * 513}, "invalid_value"), ({"k" * 65: "x"}, "invalid_value"), ({"a": "\0"}, "invalid_value")),
            *(
                ({"\0": "a"}, "invalid_value"),
                ({str(n): "" for n in range(17)}, "invalid_value"),
                ({"a": {"b": "c"}}, "invalid_type"),
            ),
        )
    ),
    *(
        _job("F7", {"integrations": value}, code)
        for value, code in (
            *(("wandb", "invalid_type"), ([{}], "missing_required_parameter"), ([7], "invalid_type")),
            ([{"type": "http://evil.test", "wandb": {"project": "p"}}], "invalid_value"),
            ([{"type": "wandb", "wandb": {}}], "missing_required_parameter"),
            ([{"type": "wandb", "wandb": {"project": "p", "base_url": "http://evil.test"}}], "unknown_parameter"),
            ([{"type": "wandb", "wandb": {"project": "p", "tags": ["x"] * 51}}], "invalid_value"),
            ([{"type": "wandb", "wandb": {"project": "a\r\nb"}}], "invalid_value"),
            ([{"type": "wandb", "wandb": {"project": "p"}}] * 6, "invalid_value"),
        )
    ),
)
# What the engine refuses, and through it the service.
UNUSABLE = (
    *(_job("F1", {"model": name}, "model_not_available") for name in NO_NAMES if "\n" not in name),
    _job("F1", {"model": "tiny\n"}, "invalid_value"),
    *(_job("F2", {"training_file": name}, "invalid_file") for name in NO_FILES),
    _job("F2", {"validation_file": "file-nope"}, "invalid_file"),
    _job("F2", {"training_file": JOB}, "invalid_file"),
    _job("F5", {"method": {"type": "reinforcement", "reinforcement": {}}}, "unsupported_value"),
)

NO_IDS = ("ftjob-nope", "..%2f..%2fetc", "%2e%2e", "x" * 200, "%00", "ftjob-%0d%0ax", "%E4%BB%BB", "ftjob-'%20OR%201=1")
KEYS = ("", "x" * 256, "a b", "a\tb", "ключ")

SERVICE = (
    *(bad.at("POST /fine_tuning") for bad in (*CREATE, *UNUSABLE)),
    *(
        Bad(
            "G33",
            "POST /fine_tuning",
            {"training_file": FILE},
            400,
            "invalid_idempotency_key",
            f"key {key[:9]!a}",
            {"Idempotency-Key": key},
        )
        for key in KEYS
    ),
    *(
        Bad("L1", "POST /retrieve", body, 400, code)
        for body, code in (
            *(({}, "missing_required_parameter"), ({"fine_tuning_job_id": 7}, "invalid_type")),
            *(({"fine_tuning_job_id": ""}, "invalid_value"), ({"fine_tuning_job_id": None}, "invalid_type")),
            *(({"fine_tuning_job_id": _LONG}, "invalid_value"), ({"id": "x"}, "unknown_parameter")),
            ({"fine_tuning_job_id": "x", "api_key": "y"}, "unknown_parameter"),
            ({"fine_tuning_job_id": "ftjob-\0"}, "invalid_value"),
        )
    ),
    *(
        Bad("L1", "POST /retrieve", {"fine_tuning_job_id": name}, 404, "fine_tune_not_found")
        for name in ("ftjob-nope", "../files", "..", ".", "a/b", "ftjob-?x=1#y", "任务", "%2e%2e", "' OR 1=1 --", FILE)
    ),
    *(
        Bad("L1", f"GET /jobs/{name}", None, 404, "fine_tune_not_found")
        for name in NO_IDS
        if "%00" not in name and "%2f" not in name and "%2e" not in name
    ),
    *(Bad("L1", f"POST /jobs/{name}/cancel", None, 404, "fine_tune_not_found") for name in ("ftjob-nope", "%E4%BB%BB")),
    Bad("L2", f"POST /jobs/{JOB}/cancel", None, 400, "job_already_completed", "ended already"),
    *(
        Bad("L1", f"GET /jobs?{query}", None, 400, code)
        for query, code in (
            *(
                ("limit=0", "invalid_value"),
                ("limit=-1", "invalid_value"),
                ("limit=x", "invalid_value"),
                ("limit=", "invalid_value"),
            ),
            *(("limit=1e3", "invalid_value"), ("limit=99999999999", "invalid_value"), ("after=nope", "invalid_value")),
            *(
                ("order=asc", "unknown_parameter"),
                ("api_key=x", "unknown_parameter"),
                ("limit=%D9%A3", "invalid_value"),
            ),
            *(("after=%00", "invalid_value"), ("after=../x", "invalid_value")),
        )
    ),
)
ENGINE = (
    *(bad.at(f"POST {JOBS}") for bad in (*CREATE, *UNUSABLE)),
    _job("F1", {}, "missing_required_parameter", ("model",)).at(f"POST {JOBS}"),
    *(Bad("L1", f"GET {JOBS}/{name}", None, 404, "fine_tune_not_found") for name in NO_IDS if "%2f" not in name),
    *(Bad("L1", f"POST {JOBS}/{name}/cancel", None, 404, "fine_tune_not_found") for name in NO_IDS[3:]),
    *(
        Bad("L2", f"POST {JOBS}/{JOB}/{move}", None, 400, "job_already_completed")
        for move in ("cancel", "pause", "resume")
    ),
    *(
        Bad("L1", f"GET {path}?limit={text}", None, 400, "invalid_value")
        for path in ("/v1/files", JOBS, f"{JOBS}/{JOB}/events", f"{JOBS}/{JOB}/checkpoints", "/v1/webhook_endpoints")
        for text in ("0", "-1", "x", "", "1e3", "99999999999", "%D9%A3", "1.5", "+1")
    ),
    *(
        Bad("L1", f"GET {path}?after={text}", None, 400, "invalid_value")
        for path in ("/v1/files", JOBS, f"{JOBS}/{JOB}/events", f"{JOBS}/{JOB}/checkpoints", "/v1/webhook_endpoints")
        for text in ("nope", "%00", "..%2fx", "'%20OR%201=1")
    ),
    *(Bad("L1", f"GET {JOBS}?{query}", None, 400, "invalid_value") for query in ("metadata=x", "metadata[]=x")),
    Bad("L1", "GET /v1/files?order=up", None, 400, None),
    *(
        Bad("L4", f"GET /v1/files/{name}{more}", None, 404, None)
        for name in ("file-nope", "%2e%2e", "%00", JOB, "x" * 300)
        for more in ("", "/content")
    ),
    *(Bad("L4", f"DELETE /v1/files/{name}", None, 404, None) for name in ("file-nope", "%00", "%2e")),
    *(
        Bad("L4", f"GET /v1/files/{FILE}/content", None, 416, None, f"Range {said[:20]}", {"Range": said})
        for said in ("bytes=5-1", "bytes=99999999-", "bytes=" + ",".join(f"{n}-{n}" for n in range(1000)))
    ),
    *(
        Bad("L1", f"GET /v1/models/{name}", None, 404, "model_not_found")
        for name in ("nope", "..%2fx", "%00", "x" * 300)
    ),
    *(Bad("L1", f"DELETE /v1/models/{name}", None, 404, "model_not_found") for name in ("nope", "ft:tiny:o::1", "%00")),
    Bad("L1", "DELETE /v1/models/tiny", None, 403, None, "a base model"),
)
