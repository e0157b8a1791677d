"""Every line of a log is one line, and no secret stands in it: not in messages, not in tracebacks, in neither form."""

import io
import json
import logging
import sys

import pytest

from observe.logs import JsonLines, TextLines, one_line

SECRETS = {
    "OpenAI's key": "sk-proj-canary0123456789abcdefgh",
    "one of our keys": "t9_canary0123456789canary0123456789canary01234",
    "a webhook's secret": "whsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXI=",
    "the engine's key": "an-engine-key-of-no-looks",
    "wandb's key": "0123456789abcdef0123456789abcdef01234567",
    "the database's password": "pass-word",
    "any URL's password": "pw",
}
KNOWN = (SECRETS["the engine's key"], SECRETS["wandb's key"], SECRETS["the database's password"])
SAID = (
    "Authorization: Bearer {the engine's key}, {OpenAI's key}, {one of our keys} and {a webhook's secret}; "
    "{wandb's key} to postgresql+psycopg://me:{the database's password}@box/facts and "
    "http://me:{any URL's password}@box"
)


@pytest.fixture(params=[TextLines, JsonLines])
def form(request: pytest.FixtureRequest) -> logging.Formatter:
    """Each form of a log."""
    made: logging.Formatter = request.param("service", KNOWN)
    return made


def written(form: logging.Formatter, message: str, *words: object, error: Exception | None = None) -> str:
    """What a handler writes of one message."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(form)
    info = (type(error), error, error.__traceback__) if error else None
    handler.handle(logging.LogRecord("tune9527", logging.DEBUG, __file__, 1, message, words, info))
    return stream.getvalue()


def failure(text: str) -> Exception:
    """An error with a traceback and a cause, both of which tell `text`."""
    try:
        try:
            raise KeyError(text)
        except KeyError as cause:
            raise ValueError(text) from cause
    except ValueError as error:
        return error


def test_no_secret_stands_in_a_line_or_a_traceback(form: logging.Formatter) -> None:
    said = SAID.format_map(SECRETS)
    lines = written(form, "%s", said) + written(form, "it failed", error=failure(said))
    assert "it failed" in lines
    assert "ValueError" in lines
    assert [name for name, secret in SECRETS.items() if secret in lines and secret != "pw"] == []
    assert ":pw@" not in lines


@pytest.mark.parametrize(
    "sent", ["a\r\nb", "a\nb", "\x1b[2Ja", "a\u2028b", "\x9b31m", "a\x00b", "\u202ea", "a\x85b", "\x0b\x0c\x1c"]
)
def test_what_a_caller_sends_breaks_no_line(form: logging.Formatter, sent: str) -> None:
    (line,) = written(form, "asked for %s", sent).splitlines()
    assert line.isascii()
    assert line.isprintable()


def test_a_traceback_cannot_look_like_a_line(form: logging.Formatter) -> None:
    forged = "2026-01-01 00:00:00,000 INFO tune9527: all is well"
    first, *more = written(form, "it failed", error=failure(f"x\n{forged}")).splitlines()
    assert "it failed" in first
    assert all(line.startswith("  ") for line in more)


def test_text_is_set_as_it_was() -> None:
    assert written(TextLines("service"), "%s works", "it").endswith(" DEBUG tune9527: it works\n")
    assert " engine DEBUG it works\n" in written(TextLines("engine"), "it works")


def test_json_says_when_how_grave_whose_and_what() -> None:
    line = json.loads(written(JsonLines("engine"), "it %s", "works"))
    assert set(line) == {"time", "level", "server", "logger", "message"}
    assert (line["server"], line["level"], line["message"]) == ("engine", "DEBUG", "it works")
    assert line["time"].endswith("Z")


def test_one_handlers_text_of_a_traceback_is_not_anothers() -> None:
    record = logging.LogRecord("tune9527", logging.ERROR, __file__, 1, "it failed", (), None)
    try:
        raise ValueError("x\nforged")
    except ValueError:
        record.exc_info = sys.exc_info()
    logging.Formatter().format(record)
    assert "\nforged" not in TextLines("service").format(record)


def test_ordinary_letters_stay_as_they_are() -> None:
    assert one_line("你好, a\tb ünd 🙂") == "你好, a\tb ünd 🙂"
