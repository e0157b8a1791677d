"""The settings of the service on port 9527."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from config.environment import WrongSetting, a_port, setting
from config.shared import SharedConfig


@dataclass(frozen=True)
class ServiceConfig(SharedConfig):
    """The five documented calls."""

    host: str = setting("HOST", "127.0.0.1", "Address the service listens on.")
    port: int = a_port("PORT", 9527, "Port the service listens on.")
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
    answer_timeout: float = setting(
        "ANSWER_TIMEOUT", 3600.0, "Seconds that an answer to a chat, or an upload, may take upstream in all.", least=0.1
    )
    daily_jobs: int = setting(
        "DAILY_JOBS",
        0,
        "Jobs that each key may start in a day of UTC, as all calls without one together; 0: no limit.",
        least=0,
    )
    daily_tokens: int = setting(
        "DAILY_TOKENS",
        0,
        "Tokens that these jobs may train, estimated by the sizes of their files until they have ended; 0: no limit.",
        least=0,
    )
    stored_files: int = setting(
        "STORED_FILES",
        0,
        "Training files that each key may keep upstream, as all calls without one together; 0: no limit.",
        least=0,
    )
    stored_mb: int = setting("STORED_MB", 0, "MB that these files may have in all; 0: no limit.", least=0)
    max_upload_mb: int = setting("MAX_UPLOAD_MB", 512, "Largest upload in MB; OpenAI takes 512.", least=1)
    threads: int = setting(
        "THREADS",
        64,
        "Calls served at once besides streams, all but /status and /metrics seven eighths; 256 or STREAMS more wait.",
        least=2,
        most=4096,
    )
    streams: int = setting(
        "STREAMS", 64, "Answers streamed at once, each on a further thread; one more is 503.", least=1, most=4096
    )

    def __post_init__(self) -> None:
        """Refuse what would fail at every call: a base URL that is none, a key that no header can carry."""
        super().__post_init__()
        shown = f"'{self.openai_base_url}'" if "@" not in self.openai_base_url else "not shown here, for its password"
        if self.openai_base_url and not _is_http_url(self.openai_base_url):
            raise WrongSetting(
                f"OPENAI_BASE_URL is {shown}, but must be http:// or https://, a host "
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

    @property
    def audit_file(self) -> Path:
        """Where it is kept who did what."""
        return self.data_dir / "audit.jsonl"


def _is_http_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        name = (url.hostname or "").encode("idna")
        # Each call puts its path behind the base, so neither a query nor a fragment can end it.
        return url.scheme in ("http", "https") and bool(name) and url.port != 0 and not {"?", "#"} & {*text}
    except ValueError:
        return False
