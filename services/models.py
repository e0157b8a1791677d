"""What OpenAI's models are by name, which were shut down, when, and what a caller can do about it; it asks nobody.

Source: OpenAI's deprecations page, September and October 2026.
"""

import re
from dataclasses import replace
from datetime import date

from wire.errors import ApiError

_SHUT_DOWN = {
    date(2026, 9, 28): ("gpt-3.5-turbo-1106", "gpt-3.5-turbo-instruct", "babbage-002", "davinci-002"),
    date(2026, 10, 23): (
        *("gpt-3.5-turbo", "gpt-3.5-turbo-0125", "gpt-4", "gpt-4-0613", "gpt-4-turbo", "gpt-4-turbo-2024-04-09"),
        *("gpt-4o-2024-05-13", "gpt-4.1-nano", "gpt-4.1-nano-2025-04-14", "o1", "o1-2024-12-17", "o1-pro"),
        *("o3-mini", "o3-mini-2025-01-31", "o4-mini", "o4-mini-2025-04-16"),
    ),
    date(2027, 1, 14): (
        *("gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-2024-11-20", "gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
        *("gpt-4.1", "gpt-4.1-2025-04-14", "gpt-4.1-mini", "gpt-4.1-mini-2025-04-14"),
    ),
}
_BASE_DATES = {model: day for day, models in _SHUT_DOWN.items() for model in models}
# A fine-tune dies with its base, but these live a little longer than the base's name.
_FINE_TUNE_DATES = {model: date(2026, 10, 23) for model in ("gpt-3.5-turbo-1106", "babbage-002", "davinci-002")}
# Lists of models tell names alone: those of what speaks, hears, draws, films, moderates, or searches a screen.
_OTHER = re.compile(
    r"(whisper|tts|dall-e|(chat)?gpt-image|sora|gpt-audio|gpt-realtime|(text|omni)-moderation|computer-use)\b"
    r"|.*-(transcribe|tts|realtime|audio)(-|$)"
)
_UNKNOWN_MODEL = {"model_not_found", "model_not_available"}


def shut_down_on(model: str) -> date | None:
    """Return the day on which OpenAI shut, or will shut, the model down; None if it is not known to end."""
    fine_tune = re.match(r"ft:([^:]+)(?=:)", model)
    if fine_tune:
        base = fine_tune.group(1)
        return _FINE_TUNE_DATES.get(base) or _BASE_DATES.get(base)
    return _BASE_DATES.get(model)


def kind_of(base: str) -> str:
    """Return what a model that nobody fine-tuned is by its name: base, embeddings, or other, which does not chat."""
    if "embed" in base:
        return "embeddings"
    return "other" if _OTHER.match(base) else "base"


def explain(failure: ApiError, model: str, today: date) -> ApiError:
    """Return the failure with the way out in its message, if it is about a retired model or the end of training."""
    if failure.code == "training_not_available":
        advice = (
            "Unset OPENAI_API_KEY to train on this machine with the embedded engine, "
            "or let OPENAI_BASE_URL name an engine elsewhere."
        )
        return replace(failure, message=f"{failure.message} {advice}")
    ended = shut_down_on(model)
    unknown = failure.code in _UNKNOWN_MODEL or "not available for fine-tuning" in failure.message
    if not unknown or ended is None or ended > today:
        return failure
    advice = (
        f"OpenAI shut '{model}' down on {ended}. Name a model that is still served (in 'model', or as DEFAULT_MODEL), "
        "or unset OPENAI_API_KEY to use the embedded engine on this machine."
    )
    return replace(failure, message=f"{failure.message} {advice}")
