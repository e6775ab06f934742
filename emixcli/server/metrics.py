"""Figures for Prometheus; no label tells one user, package or address from another."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """The figures of one exchange process."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self.requests = Counter(
            "emix_requests",
            "HTTP requests",
            ["method", "route", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "emix_request_seconds", "Time until the last byte", ["route"], registry=registry
        )
        self.received = Counter("emix_received_bytes", "Bytes of parts", registry=registry)
        self.sent = Counter("emix_sent_bytes", "Bytes of content", registry=registry)
        self.mails = Counter(
            "emix_mails", "Mails and other jobs", ["kind", "result"], registry=registry
        )
        self.worker_errors = Counter("emix_worker_errors", "Failed rounds", registry=registry)
        self.worker_round = Gauge(
            "emix_worker_round_timestamp_seconds", "Last round of the worker", registry=registry
        )
        self.packages = Gauge("emix_packages", "Packages by state", ["state"], registry=registry)
        self.stored = Gauge("emix_stored_bytes", "Bytes that count as stored", registry=registry)
        self.outbox = Gauge("emix_outbox_jobs", "Jobs that wait", registry=registry)

    def expose(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self._registry)
