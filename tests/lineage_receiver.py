"""A receiver of OpenLineage's events on loopback, and a look at whether events are what its client knows."""

from __future__ import annotations

import json
import pkgutil
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from typing import Any

import attr
from openlineage.client import generated
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState


class Receiver(ThreadingHTTPServer):
    """Takes events, and answers each with the first of `answers`, or else 201."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.events: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.tokens: list[str | None] = []
        self.answers: list[tuple[int, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Takes one event."""

    server: Receiver
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        code, said = self.server.answers.pop(0) if self.server.answers else (201, "")
        if code == 201:
            self.server.events.append(json.loads(body))
        self.server.paths.append(self.path)
        self.server.tokens.append(self.headers["Authorization"])
        self.send_response(code)
        if code == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said.encode())

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def receiving(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    with Receiver() as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        yield server
        server.shutdown()


def facets_by_schema() -> dict[str, type]:
    """Return the client's class of each facet by the URL of its schema."""
    modules = [import_module(f"{generated.__name__}.{one.name}") for one in pkgutil.iter_modules(generated.__path__)]
    kinds = [kind for module in modules for kind in vars(module).values() if hasattr(kind, "_get_schema")]
    return {kind._get_schema(): kind for kind in kinds}


def check(event: Mapping[str, Any]) -> None:
    """Raise what is wrong with an event, as far as OpenLineage's own client knows."""
    assert event["schemaURL"] == "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
    run, job = Run(event["run"]["runId"]), Job(event["job"]["namespace"], event["job"]["name"])
    inputs = [InputDataset(one["namespace"], one["name"]) for one in event["inputs"]]
    outputs = [OutputDataset(one["namespace"], one["name"]) for one in event["outputs"]]
    RunEvent(
        eventTime=event["eventTime"], eventType=RunState(event["eventType"]), producer=event["producer"],
        run=run, job=job, inputs=inputs, outputs=outputs,
    )  # fmt: skip
    known = facets_by_schema()
    for facet in _facets(event):
        kind = known[facet["_schemaURL"]]
        names = {field.alias for field in attr.fields(kind)}
        values = {name: value for name, value in facet.items() if not name.startswith("_")}
        assert values.keys() <= names
        kind(**values)


def _facets(event: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for holder in (event["run"], event["job"], *event["inputs"], *event["outputs"]):
        for kind in ("facets", "inputFacets", "outputFacets"):
            yield from holder.get(kind, {}).values()
