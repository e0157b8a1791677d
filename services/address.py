"""Where the upstream is, who asks there, and how long is waited."""

from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from services.deadlines import Proof

OPENAI_URL = "https://api.openai.com/v1"


@dataclass(frozen=True)
class Address:
    """Where the upstream is and who asks; seconds to `connect`, to `read` a piece, and for a `whole` long answer."""

    base_url: str = OPENAI_URL
    api_key: str = field(default="", repr=False)
    organization: str = ""
    project: str = ""
    connect: float = 5.0
    read: float = 120.0
    whole: float = 3600.0
    prove: Proof | None = None  # asked of each new connection before it carries a key or anything else

    @property
    def is_openai(self) -> bool:
        """Whether it is OpenAI's own."""
        return self.base_url.rstrip("/") == OPENAI_URL

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this machine: a proxy of the environment must not stand between us and an engine here."""
        host = urlsplit(self.base_url).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"
