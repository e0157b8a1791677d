"""The settings of both servers, read once at start from the environment and `.env`; the only reader of either."""

import difflib
import io
import math
import os
import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Self, cast
from urllib.parse import urlsplit

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream

PROJECT_ROOT = Path(__file__).resolve().parent

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_BASE_IN_NAMES = re.compile(r"[\w.-]{0,64}", re.ASCII)
_BASE_MODEL = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._-]*|[^\x00-\x1f]+\.[gG][gG][uU][fF]")
_ALIAS = r"[\w.:/@+-]+(=[\w.:/@+-]+)?"
_HOST = r"(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d{1,5})?"
_HOSTS = re.compile(rf"({_HOST}(\s+{_HOST})*)?")
_ALIASES = re.compile(rf"{_ALIAS}(\s+{_ALIAS})*")


class WrongSetting(ValueError):
    """A setting that cannot be used; the message names it, its value and what it may be."""


def setting(
    name: str,
    default: Any,
    help: str,
    *,
    least: float = -math.inf,
    most: float = math.inf,
    choices: tuple[str, ...] = (),
) -> Any:
    """Declare one setting: its name in the environment, its default, its reason, and what it may be."""
    facts = {"env": name, "help": help, "least": least, "most": most, "choices": choices}
    return field(default=default, metadata=facts, repr=not name.endswith(("_KEY", "_URL")))


def _port(name: str, default: int, help: str) -> Any:
    return setting(name, default, help, least=1, most=65535)


def _log_level() -> Any:
    return setting("LOG_LEVEL", "INFO", "How much is logged.", choices=("DEBUG", "INFO", "WARNING", "ERROR"))


class _FromEnvironment:
    @classmethod
    def from_env(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the settings from `environment`, by default the process's own with `.env` beneath it.

        Raises:
            WrongSetting: at the first value that cannot be used.
        """
        given = environment if environment is not None else _process_environment()
        return cls(**{one.name: _read(one, given) for one in fields(cls)})  # type: ignore[arg-type]


@dataclass(frozen=True)
class ServiceConfig(_FromEnvironment):
    """The five documented calls."""

    host: str = setting("HOST", "127.0.0.1", "Address the service listens on.")
    port: int = _port("PORT", 9527, "Port the service listens on.")
    openai_api_key: str = setting(
        "OPENAI_API_KEY", "", "Set: the upstream is OpenAI, or what OPENAI_BASE_URL names. Empty: the embedded engine."
    )
    openai_base_url: str = setting(
        "OPENAI_BASE_URL", "", "Another upstream that speaks the OpenAI API, such as http://gpu-box:9528/v1."
    )
    openai_organization: str = setting("OPENAI_ORG_ID", "", "OpenAI organization that is billed, if you have several.")
    openai_project: str = setting("OPENAI_PROJECT_ID", "", "OpenAI project that is billed, if you have several.")
    default_model: str = setting(
        "DEFAULT_MODEL", "gpt-3.5-turbo-1106", "Model of /fine_tuning and /chat when the caller names none."
    )
    upstream_timeout: float = setting(
        "UPSTREAM_TIMEOUT", 120.0, "Seconds the upstream may stay silent before the caller gets 504.", least=0.1
    )
    connect_timeout: float = setting(
        "CONNECT_TIMEOUT", 5.0, "Seconds to reach the upstream before the caller gets 502.", least=0.1
    )
    max_upload_mb: int = setting("MAX_UPLOAD_MB", 512, "Largest upload in MB; OpenAI takes 512.", least=1)
    threads: int = setting(
        "THREADS", 64, "Calls served at once; a streamed answer holds one all along.", least=2, most=4096
    )
    log_level: str = _log_level()

    def __post_init__(self) -> None:
        """Refuse what would fail at every call: a base URL that is none, a key that no header can carry."""
        if self.openai_base_url and not _is_http_url(self.openai_base_url):
            raise WrongSetting(
                f"OPENAI_BASE_URL is '{self.openai_base_url}', but must be http:// or https://, a host "
                "and perhaps a path, without ? and #."
            )
        if not (self.openai_api_key.isascii() and self.openai_api_key.isprintable()):
            raise WrongSetting("OPENAI_API_KEY holds characters that no key has; copy it again (it is not shown here).")
        for name, value in (
            ("OPENAI_ORG_ID", self.openai_organization),
            ("OPENAI_PROJECT_ID", self.openai_project),
        ):
            if not (value.isascii() and value.isprintable()):
                raise WrongSetting(f"{name} is '{value}', but must be an id of letters, digits and signs.")

    @property
    def embedded(self) -> bool:
        """Whether the upstream is the engine that the service starts itself."""
        return not (self.openai_api_key or self.openai_base_url)


@dataclass(frozen=True)
class EngineConfig(_FromEnvironment):
    """The local OpenAI-compatible server."""

    host: str = setting("ENGINE_HOST", "127.0.0.1", "Address the engine listens on.")
    port: int = _port("ENGINE_PORT", 9528, "Port the engine listens on.")
    data_dir: Path = setting("DATA_DIR", PROJECT_ROOT / "data", "Folder of files, jobs, base models and the database.")
    database_url: str = setting(
        "DATABASE_URL",
        "",
        "PostgreSQL instead of SQLite in DATA_DIR: postgresql+psycopg://USER:PASSWORD@HOST/DATABASE.",
    )
    base_model: str = setting(
        "BASE_MODEL",
        "smollm2-135m-instruct",
        "Model that is trained and served: an id of engine/catalogue.toml, a path to a .gguf file, "
        "or owner/repository or owner/repository/file.gguf on Hugging Face.",
    )
    model_aliases: str = setting(
        "MODEL_ALIASES",
        "gpt-3.5-turbo-1106 gpt-3.5-turbo gpt-4o-mini gpt-4o-mini-2024-07-18 gpt-4.1-mini gpt-4.1-mini-2025-04-14 "
        "text-embedding-3-small=all-minilm-l6-v2 text-embedding-3-large=all-minilm-l6-v2 "
        "text-embedding-ada-002=all-minilm-l6-v2",
        "Names answered by the base model, apart by spaces; name=model gives one of the catalogue's to a name.",
    )
    organization: str = setting(
        "ORGANIZATION", "personal", "Your organization's slug as it stands in the names of fine-tuned models."
    )
    base_in_names: str = setting(
        "BASE_IN_NAMES",
        "",
        "What stands for the base model in the names of new fine-tuned models, such as gpt-3.5-turbo-1106, for clients "
        "that know OpenAI's names alone; empty: the base model's own.",
    )
    minimum_examples: int = setting(
        "MINIMUM_EXAMPLES", 1, "Fewest examples of a training file; OpenAI's is 10.", least=1
    )
    result_encoding: str = setting(
        "RESULT_ENCODING",
        "plain",
        "How a job's result CSV is sent; OpenAI sends base64 since 2024.",
        choices=("plain", "base64"),
    )
    context_tokens: int = setting(
        "CONTEXT_TOKENS", 2048, "Tokens of question and answer together, in training and chat.", least=64, most=131072
    )
    models_loaded: int = setting(
        "MODELS_LOADED", 0, "Models in memory at most; 0: as many as SERVING_MEMORY_MB has room for.", least=0
    )
    serving_memory_mb: int = setting(
        "SERVING_MEMORY_MB", 2048, "MB that all models in memory may hold; the least recently used goes first.", least=1
    )
    idle_seconds: float = setting(
        "IDLE_SECONDS", 600.0, "Seconds without a question after which a model is unloaded.", least=1
    )
    parallel: int = setting("PARALLEL", 4, "Answers that one model writes at once.", least=1)
    serving_threads: int = setting(
        "SERVING_THREADS", 0, "Threads that write answers; 0: as many as there are cores.", least=0
    )
    training_threads: int = setting(
        "TRAINING_THREADS", 0, "Threads that train; 0: as many as there are cores.", least=0
    )
    stall_seconds: float = setting(
        "STALL_SECONDS", 1800.0, "Seconds without progress after which a training is ended and tried again.", least=60
    )
    engine_threads: int = setting("ENGINE_THREADS", 64, "Calls the engine serves at once.", least=2, most=4096)
    webhook_allowed_hosts: str = setting(
        "WEBHOOK_ALLOWED_HOSTS",
        "",
        "Hosts, or host:port, that webhooks may reach on private addresses, other ports and by http, apart by spaces.",
    )
    wandb_api_key: str = setting(
        "WANDB_API_KEY", "", "Key of Weights & Biases, for jobs with that integration; empty: their runs stay on disk."
    )
    wandb_mode: str = setting(
        "WANDB_MODE",
        "",
        "online, which needs WANDB_API_KEY and is the default with it; disabled: no runs; else offline.",
    )
    log_level: str = _log_level()

    def __post_init__(self) -> None:
        """Refuse names whose shape none can have; whether they name a model is the engine's to tell."""
        for name, text, shape, words in (
            ("ORGANIZATION", self.organization, _SLUG, "a slug: 1 to 64 of a-z, 0-9 and '-', not '-' first"),
            (
                "BASE_IN_NAMES",
                self.base_in_names,
                _BASE_IN_NAMES,
                "empty, or a name of letters, digits, '.', '_' and '-'",
            ),
            ("BASE_MODEL", self.base_model, _BASE_MODEL, "an id of the catalogue, a .gguf file or a repository"),
            ("MODEL_ALIASES", self.model_aliases, _ALIASES, "names or name=model pairs apart by spaces"),
            ("WEBHOOK_ALLOWED_HOSTS", self.webhook_allowed_hosts, _HOSTS, "hosts or host:port apart by spaces"),
        ):
            if not shape.fullmatch(text):
                raise WrongSetting(f"{name} is '{text}', but must be {words}.")
        if not re.fullmatch(r"(postgresql\+psycopg://\S+)?", self.database_url):
            told = "must be postgresql+psycopg://USER:PASSWORD@HOST/DATABASE, or empty for SQLite in DATA_DIR"
            raise WrongSetting(f"DATABASE_URL {told} (it is not shown here).")

    @property
    def database(self) -> Path | str:
        """Where the facts are: SQLite's file, or the URL of another database."""
        return self.database_url or self.data_dir / "engine.sqlite3"


def misspelt_names() -> list[str]:
    """Return a sentence for each name in `.env` that is no setting but nearly one; other names are other programs'."""
    known = [*_names_of_settings()]
    told = []
    for name in dotenv_values(stream=io.StringIO(_text_of_env_file())):
        near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.8)
        if near and name not in known:
            told.append(f".env sets {name}, which is no setting. Did you mean {near[0]}?")
    return told


def _process_environment() -> Mapping[str, str]:
    text = _text_of_env_file()
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or (binding.value is None and binding.key in _names_of_settings()):
            raise WrongSetting(_unreadable(binding))
    beneath = dotenv_values(stream=io.StringIO(text))
    return {**{name: value for name, value in beneath.items() if value is not None}, **os.environ}


def _text_of_env_file() -> str:
    path = PROJECT_ROOT / ".env"
    try:
        return path.read_text("utf-8") if path.exists() and not path.is_dir() else ""
    except UnicodeDecodeError as error:
        raise WrongSetting(f".env is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8.") from None


def _unreadable(binding: Binding) -> str:
    """Name the line by its number and its first word; the rest may be a key."""
    text = binding.original.string
    line = binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
    word = re.match(r"(?:export\s+)?(\w*)", text.strip())
    shown = f" ('{word[1]}...')" if word and word[1] else ""
    return f"Line {line} of .env{shown} cannot be read; write NAME=value, and close the quotation marks you open."


def _names_of_settings() -> set[str]:
    return {str(one.metadata["env"]) for owner in (ServiceConfig, EngineConfig) for one in fields(owner)}


def _read(one: Field[Any], environment: Mapping[str, str]) -> Any:
    name, default = one.metadata["env"], cast(Any, one.default)
    text = environment.get(name, "").strip()
    if not text:
        return default
    try:
        value = type(default)(text) if not isinstance(default, Path) else Path(text).expanduser().resolve()
    except ValueError:
        kind = {int: "a whole number", float: "a number"}[type(default)]
        raise WrongSetting(f"{name} is '{text}', but must be {kind}. {one.metadata['help']}") from None
    fault = _fault(value, one.metadata)
    if fault:
        raise WrongSetting(f"{name} is '{text}', but must be {fault}. {one.metadata['help']}")
    return value


def _is_http_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        name = (url.hostname or "").encode("idna")
        # Each call puts its path behind the base, so neither a query nor a fragment can end it.
        return url.scheme in ("http", "https") and bool(name) and url.port != 0 and not {"?", "#"} & {*text}
    except ValueError:
        return False


def _fault(value: Any, facts: Mapping[str, Any]) -> str:
    """What the value would have to be, empty if it is."""
    if facts["choices"]:
        return "" if value in facts["choices"] else f"one of {', '.join(facts['choices'])}"
    if isinstance(value, int | float) and not (facts["least"] <= value <= facts["most"] and math.isfinite(value)):
        bounded = math.isfinite(facts["most"])
        return f"from {facts['least']:g} to {facts['most']:g}" if bounded else f"at least {facts['least']:g}"
    return ""
