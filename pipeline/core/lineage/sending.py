"""Hands OpenLineage's events to a file, or to who takes them over HTTP."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import luigi

from pipeline.core import config
from pipeline.core.addresses import is_here
from pipeline.core.config import masked
from pipeline.core.errors import PipelineError, SettingError, SourceUnavailable, one_line
from pipeline.core.lake import lake
from pipeline.core.lineage.committed import Committed, committed
from pipeline.core.settings import masked_text

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent
    from openlineage.client.facet_v2 import parent_run
    from openlineage.client.transport.http import HttpTransport

log = logging.getLogger(__name__)
# As OpenLineage's own clients call it.
TOKEN = "OPENLINEAGE_API_KEY"  # noqa: S105 - its name
ENDPOINT = "api/v1/lineage"
SECONDS = 10
# An event that was sent twice is one.
RETRIES = {
    "total": 3,
    "read": 3,
    "connect": 3,
    "backoff_factor": 0.3,
    "status_forcelist": [429, 500, 502, 503, 504],
    "allowed_methods": ["POST"],
    "raise_on_status": False,
    # It may be an hour.
    "respect_retry_after_header": False,
}
SAID_CHARACTERS = 200
Emit = Callable[["RunEvent"], object]


def send(found: Iterable[Committed], to: str, parent: parent_run.ParentRunFacet | None = None) -> int:
    """Send the events of commits to a file or a URL, and return of how many.

    Raises SettingError or SourceUnavailable, with what was sent until then.
    """
    from pipeline.core.lineage.events import events

    emit, store, sent = _receiver(to), lake(), 0
    for task, commit in found:
        try:
            for event in events(store, task, commit, parent):
                emit(event)
        except Exception as error:
            before = f"{sent:,} partition{'' if sent == 1 else 's'}"
            raise SourceUnavailable(
                f"{_cause(to, error)} Sent before that: {before}; the next was that of {task.task_family}"
                f" {task.output().partition}. Send them all again: what comes twice counts once."
            ) from error
        sent += 1
    return sent


def send_made(made: Sequence[luigi.Task], roots: Sequence[luigi.Task] = (), run_id: str = "") -> None:
    """Send the events of what a run made, if the settings say where to; whatever is in the way, it ends as it would.

    roots and the id are those of the run, where it is to be told of as their parent.
    """
    try:
        to = config.lineage().to
        if to and made:
            from pipeline.core.lineage.events import parent_of

            send(committed(made), to, parent_of(roots, run_id))
    except Exception as error:
        log.warning("The lineage of this run was not sent: %s", one_line(error))


def _receiver(to: str) -> Emit:
    if to.startswith(("http://", "https://")):
        return _http(to).emit
    if "://" in to:
        raise SettingError(f"{masked(to)} is no place for events: name a file of this machine, or http(s)://host.")
    from openlineage.client.transport.file import FileConfig, FileTransport

    return FileTransport(FileConfig(to, append=True)).emit


def _http(to: str) -> HttpTransport:
    # It takes a third of a second to import.
    import requests
    from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport, TokenProvider

    parts = urlsplit(to)
    if not parts.hostname:
        raise SettingError(f"{masked(to)} is no place for events: a host is missing.")
    token = os.environ.get(TOKEN, "")
    if token and parts.scheme == "http" and not is_here(parts.hostname or ""):
        raise SettingError(f"${TOKEN} is set, and {masked(to)} is not encrypted. Use https://, or unset it.")
    session = requests.Session()
    # A POST that is sent elsewhere comes there as a GET, and would count as taken.
    session.max_redirects = 0
    return HttpTransport(
        HttpConfig(
            url=urlunsplit((parts.scheme, parts.netloc, "", "", "")),
            endpoint=urlunsplit(("", "", parts.path, parts.query, "")) if parts.path.strip("/") else ENDPOINT,
            timeout=SECONDS,
            auth=ApiKeyTokenProvider({"api_key": token}) if token else TokenProvider({}),
            session=session,
            retry=RETRIES,
        )
    )


def _cause(to: str, error: Exception) -> str:
    """Return in a sentence why an event was not taken."""
    if isinstance(error, PipelineError):
        return one_line(error)
    answer = getattr(error, "response", None)
    if answer is not None:
        said = " ".join(answer.text.split())[:SAID_CHARACTERS]
        return f"{masked(to)} answered {answer.status_code} {answer.reason}{f': {masked_text(said)}' if said else ''}."
    return f"{masked(to)} takes no events: {masked_text(one_line(error)).rstrip('.')}."
