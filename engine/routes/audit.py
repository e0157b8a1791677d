"""Keeps who did what on the engine's port: a line for each call that was let in and is no mere reading."""

from flask import Flask, Response, g, request

from observe.audit import READING, Audit

# What a reply names that the call was about; a longer reply is vectors, and not read for it.
_NAMED = ("id", "training_file", "model")
_LONGEST_REPLY = 64 * 1024


def register(app: Flask, audit: Audit) -> None:
    """Write the lines of `app`, whatever became of the calls; that of a stream is written when it begins."""

    def note(response: Response) -> Response:
        if request.method in READING or request.endpoint is None or not g.get("let_in"):
            return response
        done = {"request_id": g.request_id, "key": g.key_id or "nobody", "action": request.endpoint}
        audit.write({**done, "subjects": _subjects(response), "status": response.status_code})
        return response

    app.after_request(note)


def _subjects(response: Response) -> list[str]:
    whole = response.is_json and not response.is_streamed  # what comes piece by piece is not waited for
    short = whole and (response.content_length or 0) <= _LONGEST_REPLY
    reply = response.get_json() if short else {}
    named = [reply[name] for name in _NAMED if isinstance(reply.get(name), str)] if isinstance(reply, dict) else []
    return [*dict.fromkeys([*(request.view_args or {}).values(), *named])]
