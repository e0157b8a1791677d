"""The settings of the engine on port 9528."""

import re
from dataclasses import dataclass
from pathlib import Path

from config.environment import WrongSetting, a_port, setting
from config.shared import SharedConfig

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_BASE_IN_NAMES = re.compile(r"[\w.-]{0,64}", re.ASCII)
_BASE_MODEL = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._-]*|[^\x00-\x1f]+\.[gG][gG][uU][fF]")
_ALIAS = r"[\w.:/@+-]+(=[\w.:/@+-]+)?"
_HOST = r"(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d{1,5})?"
_HOSTS = re.compile(rf"({_HOST}(\s+{_HOST})*)?")
_ALIASES = re.compile(rf"{_ALIAS}(\s+{_ALIAS})*")


@dataclass(frozen=True)
class EngineConfig(SharedConfig):
    """The local OpenAI-compatible server."""

    host: str = setting("ENGINE_HOST", "127.0.0.1", "Address the engine listens on.")
    port: int = a_port("ENGINE_PORT", 9528, "Port the engine listens on.")
    api_key: str = setting(
        "ENGINE_API_KEY",
        "",
        "Key that the engine asks for. Empty: the service gives the engine that it starts one that nobody else knows; "
        "an engine that is started alone asks for none, or for an admin's (make key).",
    )
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
        "MODELS_LOADED",
        0,
        "Processes that serve models at most; 0: as many as SERVING_MEMORY_MB has room for.",
        least=0,
    )
    serving_memory_mb: int = setting(
        "SERVING_MEMORY_MB", 2048, "MB that all models in memory may hold; the least recently used goes first.", least=1
    )
    idle_seconds: float = setting(
        "IDLE_SECONDS",
        0.0,
        "Seconds without a question after which a model is unloaded; 0: only what needs its room unloads it.",
        least=0,
    )
    parallel: int = setting("PARALLEL", 4, "Answers that one model writes at once.", least=1)
    serving_threads: int = setting(
        "SERVING_THREADS", 0, "Threads that write answers; 0: as many as there are cores.", least=0
    )
    training_threads: int = setting(
        "TRAINING_THREADS", 0, "Threads that train; 0: as many as there are cores.", least=0
    )
    rehearsal: str = setting(
        "REHEARSAL",
        "off",
        "Whether a job rehearses general questions beside its rows, so that the model keeps what it could do: on; off, "
        "for a persona that should speak everywhere.",
        choices=("on", "off"),
    )
    stall_seconds: float = setting(
        "STALL_SECONDS", 1800.0, "Seconds without progress after which a training is ended and tried again.", least=60
    )
    engine_threads: int = setting(
        "ENGINE_THREADS",
        96,
        "Calls the engine serves at once; those to models wait for room in three quarters of them.",
        least=2,
        most=4096,
    )
    sandbox: str = setting(
        "SANDBOX",
        "auto",
        "Whether trainers and model servers run in bubblewrap: auto, where it works; on, or the engine does not start; "
        "off, never.",
        choices=("auto", "on", "off"),
    )
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

    def __post_init__(self) -> None:
        """Refuse names whose shape none can have; whether they name a model is the engine's to tell."""
        super().__post_init__()
        if not (self.api_key.isascii() and self.api_key.isprintable() and " " not in self.api_key):
            raise WrongSetting(
                "ENGINE_API_KEY must be letters, digits and signs without spaces (it is not shown here)."
            )
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
