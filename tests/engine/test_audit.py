"""What the lines of the engine's audit cost an answer: nothing, however slowly it comes."""

import json
from collections.abc import Iterator
from pathlib import Path

from flask import Flask, Response, g

from engine.routes import audit
from observe.audit import Audit


def test_an_answer_that_comes_piece_by_piece_is_not_waited_for(tmp_path: Path) -> None:
    app, read = Flask(__name__), list[str]()

    def pieces() -> Iterator[bytes]:
        read.append("begun")
        yield b" "
        yield b'{"id": "chatcmpl-1"}'

    @app.post("/slow")
    def slow() -> Response:
        g.let_in, g.request_id, g.key_id = True, "req_1", None
        return Response(pieces(), mimetype="application/json", direct_passthrough=True)

    @app.after_request
    def be_noted(response: Response) -> Response:
        read.append("noted")
        return response

    audit.register(app, Audit(tmp_path / "audit.jsonl"))
    assert app.test_client().post("/slow").get_json() == {"id": "chatcmpl-1"}
    assert read == ["noted", "begun"]
    assert json.loads((tmp_path / "audit.jsonl").read_text())["status"] == 200
