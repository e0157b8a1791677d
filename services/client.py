"""The one place that makes an OpenAI client: where it points, how long it waits, and that it never repeats a call."""

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec.json import decode, encode

from services import failures
from services.address import Address
from services.breaker import CLOSED, Breaker
from services.deadlines import until, within
from wire.errors import ApiError

if TYPE_CHECKING:
    import httpx2
    from openai import OpenAI

# The SDK insists on a key; an engine of one's own asks for none.
_NO_KEY = "no-key-needed"
# What an answer's extensions say of the moment at which it must be over.
_END = "end"
_ID = re.compile(r"[!-~]{1,256}")


class Upstream:
    """The way to the upstream; `ready` is called before every call and may wait, or say why there is no upstream.

    `count_failure` is told the kind of each call that failed, and `breaker`, if there is one, how each ended.
    """

    def __init__(
        self,
        address: Address,
        ready: Callable[[], None] = lambda: None,
        count_failure: Callable[[str], None] = lambda _: None,
        breaker: Breaker | None = None,
    ) -> None:
        self.address = address
        self._ready = ready
        self._count_failure = count_failure
        self._breaker = breaker
        self._making = threading.Lock()

    @contextlib.contextmanager
    def call(self, seconds: float = 0.0) -> Iterator["OpenAI"]:
        """Lend the SDK's client for one call of so many seconds in all, `read` of them if none are named.

        What the SDK raises leaves as an ApiError.
        """
        import openai

        with self.counted(), self._failures():
            client = self._client()
            try:
                with within(seconds or self.address.read):
                    yield client
            except openai.APIStatusError as error:
                raise failures.refused(error.response, error.response.content, self.address.api_key) from None
            except openai.APIConnectionError as error:
                raise failures.unanswered(error.__cause__, self.shown_url) from None

    def post(self, path: str, body: dict[str, Any]) -> "httpx2.Response":
        """Send `body` as JSON and return an answer of 2xx, of which only the head is read; `pieces` reads the rest.

        Not through the SDK, which adds a millisecond of Python to every call and walks each message of a conversation.
        Raises an ApiError as `call` does.
        """
        content = encode(body)
        return self._answer(lambda: self._send(path, content))

    def open(self, path: str) -> "httpx2.Response":
        """Return the answer of 2xx to a GET, of which only the head is read, as `post` does; it is not packed."""
        return self._answer(lambda: self._send_over_network("GET", path, None, {"Accept-Encoding": "identity"}))

    def pieces(self, response: "httpx2.Response") -> Iterator[bytes]:
        """Yield the body of what `post` or `open` returned as it comes; raises an ApiError."""
        body, end = response.iter_bytes(), response.extensions[_END]
        with self.counted():
            while (piece := self._next(body, end)) is not None:
                yield piece

    def _next(self, body: Iterator[bytes], end: float) -> bytes | None:
        """The next piece; the deadline is for this wait alone, since whoever reads has calls of their own."""
        import httpx2

        try:
            with until(end):
                return next(body, None)
        except httpx2.TimeoutException:
            raise failures.silent(self.shown_url) from None
        except httpx2.HTTPError:
            raise failures.dropped(self.shown_url) from None

    @property
    def breaker_state(self) -> str:
        """Whether calls go through: `closed` says that they do."""
        return self._breaker.state if self._breaker else CLOSED

    def warm(self) -> None:
        """Import the SDK and make the client, so that the first caller need not wait for it."""
        import httpx2

        # An address that cannot be used is told to the first caller.
        with contextlib.suppress(httpx2.InvalidURL):
            self._client()
            _ = self._send

    @cached_property
    def shown_url(self) -> str:
        """The base URL without credentials, as messages may show it."""
        url = urlsplit(self.address.base_url)
        return url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Count what fails meanwhile as the upstream's."""
        try:
            yield
        except ApiError as failure:
            self._count_failure(failures.kind(failure))
            if self._breaker and not isinstance(failure, failures.UpstreamUnavailable):
                self._breaker.note(failed=failures.is_outage(failure))
            raise
        if self._breaker:
            self._breaker.note(failed=False)

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        """Wait for the upstream to be ready; what the HTTP library raises leaves as an ApiError."""
        import httpx2

        self._ready()
        if self._breaker:
            self._breaker.require()
        try:
            yield
        except httpx2.HTTPError as error:
            raise failures.unanswered(error, self.shown_url) from None
        except httpx2.InvalidURL as error:
            raise failures.Unreachable(f"The upstream {self.shown_url:.200} cannot be asked: {error}.") from None

    def _answer(self, send: "Callable[[], httpx2.Response]") -> "httpx2.Response":
        """What is sent back, if it is an answer of 2xx; `pieces` has until ANSWER_TIMEOUT to read it."""
        from services import bounded

        end = time.monotonic() + self.address.whole
        with self.counted(), self._failures(), until(end):
            response = send()
            try:
                if not response.is_success:
                    raise failures.refused(response, bounded.reason(response), self.address.api_key)
                bounded.refuse_encoded(response)
            except BaseException:
                response.close()
                raise
            response.extensions[_END] = end
            return response

    def _client(self) -> "OpenAI":
        with self._making:
            return self._sdk

    @cached_property
    def _send(self) -> "Callable[[str, bytes], httpx2.Response]":
        """How `post` sends: to this machine without what only a network needs."""
        address = self.address
        with_password = "@" in urlsplit(address.base_url).netloc
        if with_password or not address.base_url.startswith("http://") or not address.is_loopback:
            return self._send_anywhere
        from services.nearby import Nearby

        return Nearby(address.base_url, self._headers, address.connect, address.read, address.prove).post

    def _send_anywhere(self, path: str, content: bytes) -> "httpx2.Response":
        return self._send_over_network("POST", path, content, {"Content-Type": "application/json"})

    def _send_over_network(
        self, method: str, path: str, content: bytes | None, more: dict[str, str]
    ) -> "httpx2.Response":
        import httpx2

        from services.bounded import PIECEMEAL

        with self._making:
            http = self._http
        url = f"{self.address.base_url.rstrip('/')}{path}"
        extensions = {"timeout": http.timeout.as_dict(), PIECEMEAL: True}
        request = httpx2.Request(method, url, content=content, headers={**self._headers, **more}, extensions=extensions)
        return http.send(request, stream=True)

    @cached_property
    def _sdk(self) -> "OpenAI":
        """The client. It never retries: the SDK's retries start paid jobs twice, and sleep for up to two minutes."""
        from openai import OpenAI

        address = self.address
        client = OpenAI(
            api_key=address.api_key or _NO_KEY,
            base_url=address.base_url,
            organization=address.organization or None,
            project=address.project or None,
            timeout=self._http.timeout,
            max_retries=0,
            http_client=self._http,
        )
        # Both are imported when they are first named, and that is no call's time.
        _ = client.files.with_raw_response, client.fine_tuning.jobs.with_raw_response
        return client

    @cached_property
    def _http(self) -> "httpx2.Client":
        """The connections, which both ways of asking share."""
        from services import bounded

        address = self.address
        return bounded.client(address.read, address.connect, address.prove, proxies=not address.is_loopback)

    @cached_property
    def _headers(self) -> dict[str, str]:
        address = self.address
        headers = {
            "Authorization": f"Bearer {address.api_key or _NO_KEY}",
            "OpenAI-Organization": address.organization,
            "OpenAI-Project": address.project,
        }
        return {name: value for name, value in headers.items() if value}


def body_of(response: "httpx2.Response") -> dict[str, Any]:
    """Return the JSON object in an answer of 2xx; raises as `object_in` does."""
    return object_in(response.content)


def entity_of(response: "httpx2.Response") -> dict[str, Any]:
    """Return the same if it has an id, as files and jobs do."""
    entity = body_of(response)
    pick(entity, "id")
    return entity


def object_in(content: bytes) -> dict[str, Any]:
    """Return the JSON object in the body of an answer of 2xx.

    Raises:
        UpstreamFailed: 502 upstream_invalid, it is no JSON object.
    """
    try:
        body = decode(content)
    except (ValueError, RecursionError):
        raise failures.nonsense("it is not JSON") from None
    if not isinstance(body, dict):
        raise failures.nonsense("it is not a JSON object")
    return body


def pick(source: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Return exactly `keys` of an upstream's object, which must have an id; a key it lacks is null."""
    name = source.get("id")
    if not (isinstance(name, str) and _ID.fullmatch(name)):
        raise failures.nonsense("its object has no id")
    return {key: source.get(key) for key in keys}


def rows_of(page: dict[str, Any], what: str) -> list[dict[str, Any]]:
    """Return the objects of a page of `what`; raises 502 upstream_invalid if it has none, or one without an id."""
    rows = page.get("data")
    if not isinstance(rows, list) or not all(isinstance(row, dict) and isinstance(row.get("id"), str) for row in rows):
        raise failures.nonsense(f"its list of {what} has no data")
    return rows
