"""Row C of promises.md's table, for what else the engine answers: completions, responses, embeddings."""

from typing import Any

from tests.contract.bad_inputs.case import Bad, these


def _completion(wrong: dict[str, Any], code: str | None, row: str = "C1") -> Bad:
    return Bad(
        row,
        "POST /v1/completions",
        {"model": "tiny", "prompt": "Hi", "max_tokens": 1, **wrong},
        400,
        code,
        f"{wrong}"[:60],
    )


def _response(wrong: dict[str, Any], code: str | None, row: str = "C1") -> Bad:
    return Bad(row, "POST /v1/responses", {"model": "tiny", "input": "Hi", **wrong}, 400, code, f"{wrong}"[:60])


def _embedding(wrong: dict[str, Any], code: str | None, status: int = 400) -> Bad:
    return Bad(
        "C1",
        "POST /v1/embeddings",
        {"model": "all-minilm-l6-v2", "input": "Hi", **wrong},
        status,
        code,
        f"{wrong}"[:60],
    )


ENGINE = (
    *(_completion({"prompt": value}, "invalid_value") for value in ("", [], ["a", ""], ["a"] * 2049)),
    *(_completion({"prompt": value}, "invalid_type") for value in these(7, None, {}, [7])),
    *(
        _completion(wrong, code)
        for wrong, code in (
            *(
                ({"suffix": "x"}, "unsupported_parameter"),
                ({"best_of": 5}, "unsupported_parameter"),
                ({"logprobs": 6}, "invalid_value"),
            ),
            *(
                ({"echo": "x"}, "invalid_type"),
                ({"best_of": 21}, "invalid_value"),
                ({"echo": True, "logprobs": 1}, "unsupported_parameter"),
            ),
        )
    ),
    *(_response({"input": value}, "invalid_type") for value in these(7, None, {}, ["x"])),
    *(
        _response({"input": value}, code)
        for value, code in (
            *(
                ([], "invalid_value"),
                ([{"role": "user"}], "missing_required_parameter"),
                ([{"role": "x", "content": "y"}], "invalid_value"),
            ),
            *(
                ([{"role": "user", "content": 7}], "invalid_value"),
                ([{"type": "function_call"}], "unsupported_content"),
            ),
            (
                [{"role": "user", "content": [{"type": "input_image", "image_url": "http://127.0.0.1/"}]}],
                "unsupported_content",
            ),
            (
                [{"role": "user", "content": [{"type": "input_file", "file_url": "http://127.0.0.1/"}]}],
                "unsupported_content",
            ),
        )
    ),
    *(
        _response({name: value}, "unsupported_parameter")
        for name, value in (
            *(("previous_response_id", "resp_x"), ("conversation", "c"), ("background", True), ("prompt", {"id": "p"})),
            ("tools", [{"type": "mcp", "server_url": "http://127.0.0.1/"}]),
        )
    ),
    *(
        _response({"text": value}, code)
        for value, code in (
            *(({"format": {"type": "json_schema"}}, "missing_required_parameter"), ({"format": 7}, "invalid_type")),
            ({"format": {"type": "xml"}}, "invalid_value"),
        )
    ),
    *(_embedding({"input": value}, "invalid_value") for value in ("", [], ["a", ""], ["a"] * 2049)),
    *(_embedding({"input": value}, "invalid_type") for value in these(7, None, {}, [{}])),
    *(
        _embedding(wrong, code)
        for wrong, code in (
            *(
                ({"encoding_format": "xml"}, "invalid_value"),
                ({"dimensions": 0}, "invalid_value"),
                ({"dimensions": "9"}, "invalid_type"),
            ),
            ({"model": "tiny"}, "unsupported_model"),
        )
    ),
    _embedding({"model": "nope"}, "model_not_found", 404),
    Bad("C1", "POST /v1/moderations", {"input": "x"}, 400, "moderation_not_supported"),
)
