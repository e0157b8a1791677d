"""What the service counts; one set for each app."""

from collections.abc import Iterator
from itertools import chain

from observe.metrics import Counter, Histogram, gauge, process_lines, text


class Figures:
    """Counters that the routes, the gate and the services add to; `page` shows them."""

    def __init__(self) -> None:
        self.requests = Counter(
            "tune9527_requests_total", "Calls that were answered, by matched route.", "method", "route", "status"
        )
        self.seconds = Histogram(
            "tune9527_request_seconds", "Seconds to an answer; of a stream, to its first event.", "route"
        )
        self.refused = Counter("tune9527_refused_total", "Calls that were not let in, by reason.", "code")
        self.rate_limited = Counter("tune9527_rate_limited_total", "Calls over a key's or an address's rate.")
        self.jobs_started = Counter("tune9527_jobs_started_total", "Fine-tuning jobs that were started.")
        self.upstream_failures = Counter(
            "tune9527_upstream_failures_total", "Calls to the upstream that failed, by kind.", "code"
        )

    def page(self, streams_open: int, breaker_state: str) -> str:
        """Return all figures as Prometheus reads them."""
        counters = (self.requests, self.seconds, self.refused, self.rate_limited)
        more = (self.jobs_started, self.upstream_failures)
        lines: Iterator[str] = chain.from_iterable(one.lines() for one in (*counters, *more))
        streams = gauge("tune9527_streams_open", "Answers, comparisons and jobs that are streamed now.", streams_open)
        states = {state: float(state == breaker_state) for state in ("closed", "open", "half_open")}
        breaker = gauge("tune9527_upstream_breaker", "1 for how the upstream's breaker stands.", states, "state")
        return text(lines, streams, breaker, process_lines())
