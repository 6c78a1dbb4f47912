"""A lake whose server does not keep S3's conditions is refused, by a file of its own that it leaves nowhere."""

# ruff: noqa: F811 - fixtures

import pytest
from fixtures_lake import proxied, store  # noqa: F401 - fixtures
from fixtures_s3 import proxy  # noqa: F401 - fixtures
from s3_proxy import lost_reply, s3_error

from pipeline.core.errors import SettingError, SourceUnavailable
from pipeline.core.store import refuse_unconditional
from pipeline.core.store.local import LocalStore


def test_a_store_that_keeps_the_conditions_is_accepted_and_left_as_it_was(store):
    refuse_unconditional(store)

    assert list(store.list("")) == []


class Unconditional(LocalStore):
    def create(self, path, data):
        return super().create(path, data) or self.replace(path, data, self.read(path).version)


class OfAnyVersion(LocalStore):
    def replace(self, path, data, version):
        return super().replace(path, data, self.read(path).version)


class OfNoVersion(LocalStore):
    def replace(self, path, data, version):
        return super().replace(path, data, "a version that never was")


class Forgetful(LocalStore):
    def read(self, path):
        return None


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        (Unconditional, "puts over what is there, though If-None-Match forbids it"),
        (OfAnyVersion, "puts over what is there, though If-Match forbids it"),
        (OfNoVersion, "does not replace the version that it has just shown, though If-Match allows it"),
        (Forgetful, "does not show what was just put"),
    ],
)
def test_a_store_that_does_not_keep_the_conditions_is_refused(tmp_path, kind, fault):
    with pytest.raises(SettingError, match=rf"\[lake\] root = {tmp_path}: its server {fault}"):
        refuse_unconditional(kind(str(tmp_path)))

    assert list(tmp_path.iterdir()) == []


def test_a_local_lake_keeps_nothing_of_it(tmp_path):
    refuse_unconditional(LocalStore(str(tmp_path)))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", range(4))
def test_a_put_that_was_sent_twice_since_its_reply_was_lost_says_nothing_against_a_server(proxy, proxied, number):
    puts = iter(range(100))
    proxy.spoil("PUT", "/_probe/", lambda send: lost_reply(send) if next(puts) == number else send(), times=100)

    refuse_unconditional(proxied)

    assert list(proxied.list("")) == []


def test_a_probe_that_cannot_be_removed_does_not_hide_why_it_failed(proxy, proxied):
    proxy.spoil("PUT", "/_probe/", s3_error(403, "NoPuts"))
    proxy.spoil("GET", "list-type", s3_error(403, "NoListings"))

    with pytest.raises(SourceUnavailable, match="NoPuts"):
        refuse_unconditional(proxied)
