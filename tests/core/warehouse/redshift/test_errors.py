"""What Redshift and its connector report is told apart by what to do about it."""

import socket
import ssl
import struct

import pytest
import redshift_connector

from pipeline.core.errors import JobFailed, PipelineError, Retryable, SettingError, SourceUnavailable
from pipeline.core.warehouse.redshift.errors import failed, unreachable

PLACE = "Redshift at redshift.example:5439/dev"
LOCKED = "INSERT INTO public.x"


def reported(code, message, **fields):
    """Return an ErrorResponse as the connector raises it."""
    return redshift_connector.ProgrammingError({"S": "ERROR", "C": code, "M": message, **fields})


@pytest.mark.parametrize(
    "error",
    [
        reported("XX000", "1023", D="Serializable isolation violation on table - 1234, transactions: 1, 2 (pid:7)"),
        reported("XX000", "1018", D="Relation does not exist."),
        reported("XX000", "could not complete because of conflict with concurrent transaction"),
        reported("40001", "could not serialize access"),
        reported("53300", 'connection limit "500" exceeded for non-bootstrap users'),
        reported("57P01", "terminating connection due to administrator command"),
        redshift_connector.InterfaceError("BrokenPipe: server socket closed. Please check"),
        ConnectionResetError(104, "Connection reset by peer"),
        TimeoutError(110, "Connection timed out"),
        struct.error("unpack requires a buffer of 5 bytes"),
    ],
)
def test_what_passes_by_itself_may_be_tried_again(error):
    told = failed(error, PLACE, LOCKED)

    assert isinstance(told, Retryable)
    assert str(told).startswith(f"{PLACE}: ")
    assert str(told).endswith("Nothing was changed; run it again.")


def test_outside_a_transaction_nobody_says_that_nothing_was_changed():
    told = failed(ConnectionResetError(104, "Connection reset by peer"), PLACE, LOCKED, in_transaction=False)

    assert (
        str(told) == f"{PLACE}: the connection was lost ({LOCKED}). [Errno 104] Connection reset by peer. Run it again."
    )


@pytest.mark.parametrize(
    "error",
    [
        reported("42P01", 'relation "public.etl_load" does not exist'),
        reported("3F000", 'schema "spectrum" does not exist'),
        reported("XX000", "Relation spectrum.user_purchase_staging does not exist in the database."),
    ],
)
def test_what_is_missing_is_created_by_migrate(error):
    told = failed(error, PLACE, LOCKED)

    assert type(told) is SourceUnavailable
    assert "lakeshift migrate" in str(told)


@pytest.mark.parametrize("name", ['relation "public.etl_laod"', 'relation "load"', 'schema "spectral"'])
def test_what_nothing_declares_is_not_created_by_migrate(name):
    told = failed(reported("42P01", f"{name} does not exist"), PLACE, LOCKED)

    assert str(told) == f"{PLACE}: {name} does not exist ({LOCKED})"


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (reported("28000", 'password authentication failed for user "me"'), SettingError, r"\[warehouse\]"),
        (reported("3D000", 'database "dev" does not exist'), SettingError, r"\[warehouse\]"),
        (reported("57014", "Query (7) cancelled on user's request"), JobFailed, "statement_seconds"),
        (reported("22003", "numeric field overflow", D="rounds to 10^9"), PipelineError, r"overflow\. rounds to 10\^9"),
        (redshift_connector.InterfaceError("Only %s and %% are supported"), PipelineError, "supported"),
        (reported("XX000", "Scan error", D="query: 1023, code: 15007"), PipelineError, "15007"),
    ],
)
def test_what_does_not_pass_says_where_to_look(error, kind, text):
    told = failed(error, PLACE, LOCKED)

    assert type(told) is kind
    with pytest.raises(kind, match=text):
        raise told


def test_an_error_of_the_network_is_told_in_its_own_words():
    told = failed(ConnectionResetError(104, "Connection reset by peer"), PLACE, LOCKED)

    assert "[Errno 104] Connection reset by peer" in str(told)


def test_an_error_of_spectrum_is_one_line_without_its_box():
    box = "\n  -----------------------\n  error:  Spectrum Scan Error\n  code:   15007\n  -----------------------\n"

    told = failed(reported("XX000", "Spectrum Scan Error", D=box), PLACE, LOCKED)

    assert "error: Spectrum Scan Error code: 15007 (INSERT" in str(told)


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (ConnectionRefusedError(111, "Connection refused"), Retryable),
        (socket.gaierror(-2, "Name or service not known"), SourceUnavailable),
        (ssl.SSLCertVerificationError(1, "certificate verify failed"), SettingError),
    ],
)
def test_a_warehouse_that_cannot_be_reached_is_named(cause, kind):
    told = unreachable(redshift_connector.InterfaceError("communication error", cause), PLACE)

    assert type(told) is kind
    assert PLACE in str(told)


def test_a_warehouse_that_does_not_answer_in_time_is_not_waited_for_again():
    told = unreachable(redshift_connector.OperationalError("connection time out", TimeoutError("timed out")), PLACE)

    assert type(told) is SourceUnavailable
