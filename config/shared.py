"""The settings that both servers have: where facts are kept, and who may ask."""

import re
from dataclasses import dataclass
from pathlib import Path

from config.environment import PROJECT_ROOT, FromEnvironment, WrongSetting, setting

_NAMES = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\])(\s+([\w.-]+|\[[0-9a-fA-F:.]+\]))*|", re.ASCII)
_ORIGIN = r"https?://([a-z0-9_.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?"
_ORIGINS = re.compile(rf"({_ORIGIN}(\s+{_ORIGIN})*)?")


@dataclass(frozen=True)
class SharedConfig(FromEnvironment):
    """What the service and the engine agree on."""

    data_dir: Path = setting("DATA_DIR", PROJECT_ROOT / "data", "Folder of files, jobs, models, keys and databases.")
    require_key: str = setting(
        "REQUIRE_KEY",
        "off",
        "Whether calls need a key even while DATA_DIR has none, as when its volume is not there: on, nobody gets in "
        "until one is made (make key); off, a key is asked for once there is one.",
        choices=("off", "on"),
    )
    allowed_hosts: str = setting(
        "ALLOWED_HOSTS",
        "",
        "Names under which this server may be called besides this machine's own, apart by spaces; needed with a HOST "
        "that others reach.",
    )
    allowed_origins: str = setting(
        "ALLOWED_ORIGINS",
        "",
        "Web pages of other origins that may call, such as https://intranet.example, apart by spaces.",
    )
    body_timeout: float = setting(
        "BODY_TIMEOUT",
        20.0,
        "Seconds that a call's body may take, and one more for each 4 KB that have come; a tenth of it all while more "
        "than half of THREADS or ENGINE_THREADS wait for bodies.",
        least=1,
    )
    rate_limit: int = setting(
        "RATE_LIMIT",
        600,
        "Calls a minute of each key, and of each address that shows no key that opens; 0: no limit. Where no key is "
        "asked for there is none.",
        least=0,
    )
    log_level: str = setting("LOG_LEVEL", "INFO", "How much is logged.", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    log_format: str = setting(
        "LOG_FORMAT", "text", "How a line of the log looks: for people, or one JSON object.", choices=("text", "json")
    )

    def __post_init__(self) -> None:
        """Refuse names and origins that no request can have."""
        if not _NAMES.fullmatch(self.allowed_hosts):
            raise WrongSetting(f"ALLOWED_HOSTS is '{self.allowed_hosts}', but must be names without ports.")
        if not _ORIGINS.fullmatch(self.allowed_origins):
            told = "must be origins as browsers write them: http or https, a host in small letters, no path, no *"
            raise WrongSetting(f"ALLOWED_ORIGINS is '{self.allowed_origins}', but {told}.")

    @property
    def key_required(self) -> bool:
        """Whether a key is asked for even where there is none."""
        return self.require_key == "on"

    @property
    def key_file(self) -> Path:
        """Where the API keys are."""
        return self.data_dir / "keys.sqlite3"
