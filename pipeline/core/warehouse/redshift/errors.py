"""What Redshift and redshift-connector report, as errors of ours, told apart by what to do about them."""

from __future__ import annotations

import re
import socket
import ssl
import struct
from typing import Any

import redshift_connector

from pipeline.core.errors import JobFailed, PipelineError, Retryable, SettingError, SourceUnavailable
from pipeline.core.retries import PASSING
from pipeline.core.warehouse.declared import is_declared

# Beside its own, the connector lets through what reading a message that was cut raises.
ERRORS = (redshift_connector.Error, OSError, struct.error)

# PostgreSQL's codes, which Redshift has: https://www.postgresql.org/docs/8.0/errcodes-appendix.html
ENDED = ("57P01", "57P02", "57P03")
REFUSED = ("28000", "28P01", "3D000")
CANCELLED = "57014"
# What the connector itself says of a connection that is gone.
BROKEN = ("BrokenPipe", "connection is closed", "communication error")
# https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation-serializable-isolation-troubleshooting.html
# 1018: a table was replaced since the snapshot of the transaction was taken.
# The last is what a database of snapshot isolation says: https://github.com/aws/amazon-redshift-jdbc-driver/issues/147
ISOLATION = re.compile(
    r"(1023|1018)\b|.*serializable isolation violation|.*conflict with concurrent transaction", re.IGNORECASE
)
MISSING = re.compile(r"\b(?:relation|table|schema) \"?([\w.]+)\"? does not exist", re.IGNORECASE)


def failed(error: Exception, place: str, doing: str, in_transaction: bool = True) -> PipelineError:
    """Return what an error of a statement means; nothing of its transaction is committed, if it is in one."""
    code, text = code_of(error), text_of(error)
    unchanged = "Nothing was changed; run" if in_transaction else "Run"
    if is_silence(error):
        return SourceUnavailable(f"{place} did not answer in time ({doing}). Is it up? Then run it again.")
    if is_lost(error):
        return Retryable(f"{place}: the connection was lost ({doing}). {text}. {unchanged} it again.")
    if code in PASSING or (code == "XX000" and ISOLATION.match(text)):
        return Retryable(f"{place}: {text} ({doing}). {unchanged} it again.")
    if (missing := MISSING.search(text)) and is_declared(missing[1]):
        return SourceUnavailable(f"{place}: {text} ({doing}). Create what is missing: lakeshift migrate")
    if code in REFUSED:
        return SettingError(f"{place}: {text}. Look at [warehouse] in luigi.cfg.")
    if code == CANCELLED:
        return JobFailed(
            f"{place}: {text} ({doing}). Redshift's sys_query_history says what it was at; [warehouse]"
            " statement_seconds is the most that a statement may take."
        )
    return PipelineError(f"{place}: {text} ({doing})")


def unreachable(error: Exception, place: str) -> PipelineError:
    """Return what an error of connecting means."""
    if code_of(error):
        return failed(error, place, "logging in")
    cause = error.args[1] if len(error.args) > 1 else error
    text = f"{place} cannot be reached. Is it up, and is [warehouse] url in luigi.cfg right? {text_of(error)}"
    if text_of(error) == "Server refuses SSL":
        return SettingError(f"{place} speaks no TLS. On this machine only, add ?sslmode=disable to [warehouse] url.")
    if isinstance(cause, ssl.SSLError):
        return SettingError(f"{place}: no secure connection, so nothing was sent. {cause}")
    if isinstance(cause, (socket.gaierror, TimeoutError)):
        return SourceUnavailable(text)
    return Retryable(text) if is_lost(error) else SettingError(f"{place}: {text_of(error)}")


def is_silence(error: Exception) -> bool:
    """Say whether this side gave up waiting; the network's own timeout has a number."""
    return isinstance(error, TimeoutError) and error.errno is None


def is_lost(error: Exception) -> bool:
    """Say whether the connection is gone, and with it what the server may have had to say."""
    if isinstance(error, redshift_connector.Error):
        return code_of(error) in ENDED or text_of(error).startswith(BROKEN)
    return True


def code_of(error: Exception) -> str:
    """Return the SQLSTATE that the server gave, or nothing if the error is not the server's."""
    return _fields(error).get("C", "")


def text_of(error: Exception) -> str:
    """Return what an error says, on one line."""
    fields = _fields(error)
    parts = [fields[key] for key in "MDH" if fields.get(key)] if fields else _said(error)
    # Errors of Spectrum are drawn as boxes.
    return " ".join(re.sub(r"-{5,}", " ", ". ".join(parts)).split())


def _said(error: Exception) -> list[str]:
    return [str(error)] if isinstance(error, OSError) else [str(arg) for arg in error.args]


def _fields(error: Exception) -> dict[str, Any]:
    """Return the fields of an ErrorResponse: C is the code, M the message, D the detail, H the hint."""
    return error.args[0] if error.args and isinstance(error.args[0], dict) else {}
