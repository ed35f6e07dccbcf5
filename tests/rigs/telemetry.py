"""A receiver of OTLP over HTTP: decodes what is sent to it, as a collector does."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Receiver:
    """What has come in.

    Attributes:
        url: Where to send it: `OTEL_EXPORTER_OTLP_ENDPOINT`.
        metrics: Messages of metrics, as they came.
        spans: Spans, as they came.
        resources: Attributes of the senders.
    """

    url: str
    metrics: list[Any] = field(default_factory=list)
    spans: list[Any] = field(default_factory=list)
    resources: list[dict[str, str]] = field(default_factory=list)

    def take(self, path: str, body: bytes) -> None:
        """Decode one message."""
        if path == "/v1/metrics":
            for sent in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                self.resources.append(_texts(sent.resource.attributes))
                for scope in sent.scope_metrics:
                    self.metrics.extend(scope.metrics)
        elif path == "/v1/traces":
            for sent in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in sent.scope_spans:
                    self.spans.extend(scope.spans)

    def names(self) -> set[str]:
        """Return the names of the metrics."""
        return {metric.name for metric in self.metrics}

    def latest(self, name: str) -> dict[tuple[tuple[str, str], ...], float]:
        """Return the latest value of a counter or gauge, by its attributes."""
        return dict(self._points(name))

    def first(self, name: str) -> dict[tuple[tuple[str, str], ...], float]:
        """Return the first value of a counter or gauge, by its attributes."""
        return dict(reversed(list(self._points(name))))

    def _points(self, name: str) -> Iterator[tuple[tuple[tuple[str, str], ...], float]]:
        for metric in self.metrics:
            if metric.name == name:
                points = (metric.sum if metric.HasField("sum") else metric.gauge).data_points
                for point in points:
                    value = point.as_double if point.HasField("as_double") else point.as_int
                    yield tuple(sorted(_texts(point.attributes).items())), float(value)

    def parents(self) -> set[tuple[str, str]]:
        """Return each span's name with its parent's; a root's is empty."""
        by_id = {span.span_id: span.name for span in self.spans}
        return {(by_id.get(span.parent_span_id, ""), span.name) for span in self.spans}


def _texts(attributes: Any) -> dict[str, str]:
    return {item.key: item.value.string_value or str(item.value.int_value) for item in attributes}


@contextmanager
def otlp_receiver() -> Iterator[Receiver]:
    """Have a receiver listen on a free loopback port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.headers.get("content-encoding", "identity") == "identity"
            receiver.take(self.path, body)
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output to what it says."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
