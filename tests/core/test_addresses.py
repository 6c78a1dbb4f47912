"""Where a Redshift is, and who logs in there, is read from its URL."""

import pytest

from pipeline.core.addresses import RedshiftAddress, is_here


def test_the_parts_of_a_url_are_those_of_the_address():
    address = RedshiftAddress.of_url("redshift://luigi:tr%40p%2Fdoor@wg.123456789012.eu-west-1.example:5440/dev")

    assert (address.host, address.port, address.database) == ("wg.123456789012.eu-west-1.example", 5440, "dev")
    assert (address.user, address.password) == ("luigi", "tr@p/door")
    assert address.has_tls


def test_without_a_user_and_a_port_those_of_redshift_hold():
    address = RedshiftAddress.of_url("redshift://redshift.example/dev")

    assert (address.port, address.user, address.password) == (5439, None, None)


def test_the_password_is_in_no_text_of_an_address():
    address = RedshiftAddress.of_url("redshift://luigi:trapdoor@redshift.example/dev")

    assert "trapdoor" not in f"{address} {address!r}"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_tls_is_left_out_on_this_machine_only(host):
    assert not RedshiftAddress.of_url(f"redshift://me:secret@{host}:5439/dev?sslmode=disable").has_tls

    with pytest.raises(ValueError, match="loopback"):
        RedshiftAddress.of_url("redshift://me:secret@redshift.example:5439/dev?sslmode=disable")


@pytest.mark.parametrize("password", ["p@ss", "p@ss/word", "12#34", "12/34", "12?34", "12 34"])
def test_a_password_that_was_not_escaped_is_no_address(password):
    with pytest.raises(ValueError):
        RedshiftAddress.of_url(f"redshift://me:{password}@host")
    with pytest.raises(ValueError):
        RedshiftAddress.of_url(f"redshift://me:{password}@host:5439/dev")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.10", "::1", "/run/postgresql"])
def test_this_machine_is_here(host):
    assert is_here(host)


@pytest.mark.parametrize("host", ["127.evil.example.com", "localhost.example.com", "10.0.0.1", ""])
def test_a_name_that_only_looks_like_this_machine_is_not_here(host):
    assert not is_here(host)
