"""The settings: where each came from, what it means, and what is said when it means nothing."""

from __future__ import annotations

import dataclasses
import traceback
from configparser import ConfigParser
from decimal import Decimal

import pytest
from luigi.configuration import LuigiConfigParser
from project import ROOT

from pipeline.core import config, luigi_settings
from pipeline.core import settings as _settings
from pipeline.core.errors import SettingError
from pipeline.core.prices import price_of


@pytest.fixture
def files(monkeypatch, tmp_path):
    """Return what makes settings files, the later over the earlier, the only ones."""

    def given(*texts: str) -> None:
        paths = [tmp_path / f"{number}.cfg" for number in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text)
        monkeypatch.setattr(LuigiConfigParser, "_instance", None)
        monkeypatch.setattr(LuigiConfigParser, "_config_paths", [str(path) for path in paths])
        _settings._written.cache_clear()

    return given


def test_the_file_as_committed_says_what_holds_without_it():
    written = ConfigParser(interpolation=None)
    written.read(ROOT / "luigi.cfg")

    for name, cls in config.SECTIONS.items():
        assert dict(written[name]) == {field.name: field.metadata["default"] for field in dataclasses.fields(cls)}


def test_luigis_own_settings_hold_without_the_file_as_they_do_with_it():
    written = ConfigParser(interpolation=None)
    written.read(ROOT / "luigi.cfg")

    assert {name: dict(written[name]) for name in luigi_settings.DEFAULTS} == luigi_settings.DEFAULTS
    assert set(written.sections()) == {*luigi_settings.DEFAULTS, *config.SECTIONS}


def test_a_later_file_is_merged_over_an_earlier_one(files, tmp_path):
    files("[lake]\nroot = first\nregion = eu-west-1\n", "[lake]\nroot = second\n")

    assert config.lake().root == str(tmp_path / "second")
    assert config.lake().region == "eu-west-1"


def test_a_relative_path_is_relative_to_the_file_that_sets_it(files, tmp_path, monkeypatch):
    files("[database]\ndata = ../postgres\n[warehouse]\nurl = duckdb:w.duckdb\n")
    monkeypatch.chdir("/")

    assert config.database().data == str(tmp_path / "../postgres")
    assert config.warehouse().url == f"duckdb:{tmp_path}/w.duckdb"


def test_a_secret_is_taken_from_the_environment_and_shown_masked(files, monkeypatch):
    monkeypatch.setenv("SHOP_PASSWORD", "tr@p/door")
    files("[database]\nurl = postgresql://luigi:${SHOP_PASSWORD}@db.example/shop\n")

    [shown] = [one.value for one in config.in_force() if one.section == "database" and one.key == "url"]

    assert "tr@p/door" in config.database().url
    assert shown == "postgresql://luigi:***@db.example/shop"


def test_lists_and_times_are_shown_as_they_are_written(files):
    files("[alerts]\non = recovery,failure\n[stocks]\ncloses = 09:30\n")

    shown = {(one.section, one.key): one.value for one in config.in_force()}

    assert shown["alerts", "on"] == "failure, recovery"
    assert shown["stocks", "closes"] == "09:30"


def test_a_variable_that_is_not_set_is_one_line_with_its_setting(files, monkeypatch):
    monkeypatch.delenv("SHOP_PASSWORD", raising=False)
    files("[database]\nurl = postgresql://luigi:${SHOP_PASSWORD}@db.example/shop\n")

    with pytest.raises(SettingError, match=r"^\[database\] url: .*SHOP_PASSWORD.* Set the variable"):
        config.database()


@pytest.mark.parametrize(
    ("section", "key", "value", "expected"),
    [
        ("lake", "max_refused", "2", "a share between 0 and 1"),
        ("lake", "allow_unfinished", "perhaps", "true or false"),
        ("warehouse", "url", "oracle:x", "duckdb:<file>"),
        ("warehouse", "url", "redshift://host", "duckdb:<file>, or redshift://user@host:5439/database"),
        ("warehouse", "url", "redshift://host:port/dev", "duckdb:<file>, or redshift://user@host:5439/database"),
        (
            "warehouse",
            "url",
            "redshift://host/dev?sslmode=disable",
            "duckdb:<file>, or redshift://user@host:5439/database",
        ),
        (
            "warehouse",
            "url",
            "redshift://127.0.0.1/dev?sslmode=allow",
            "duckdb:<file>, or redshift://user@host:5439/database",
        ),
        ("lake", "root", "s3a://bucket/lake", "a folder or s3://bucket/prefix"),
        ("lake", "root", "s3:bucket/lake", "a folder or s3://bucket/prefix"),
        ("lake", "root", "S3://bucket/lake", "a folder or s3://bucket/prefix"),
        ("lake", "endpoint_url", "127.0.0.1:9000", "http(s)://host:port"),
        ("lake", "region", "eu_west 1", "a region such as eu-west-1"),
        ("database", "data", "s3://bucket/postgres", "a folder"),
        ("warehouse", "spectrum_role", "admin", "default, or the ARN of a role"),
        ("warehouse", "wait_seconds", "-1", "a whole number of seconds, at least 1"),
        # Redshift would wait for ever.
        ("warehouse", "wait_seconds", "0", "a whole number of seconds, at least 1"),
        ("database", "url", "mysql://h/d", "embedded, or postgresql://user@host/database"),
        ("database", "url", "", "embedded, or postgresql://user@host/database"),
        ("stocks", "refused_findings", "prices below 1", "some of: prices below 0, prices of 0, highs below the low"),
        ("stocks", "closes", "4 pm", "a time of day such as 16:00"),
        ("stocks", "closes", "24:00", "a time of day such as 16:00"),
        ("alerts", "sns_topic_arn", "alerts", "arn:aws:sns:<region>:<account>:<topic>, or nothing for the log"),
        ("alerts", "project", "Stock Prices", "up to 80 letters, digits, _ and -"),
        ("alerts", "on", "failures", "some of: success, failure, recovery; or nothing"),
        ("alerts", "on_minibatch", "failure recovery", "some of: success, failure, recovery; or nothing"),
        ("alerts", "remind_hours", "daily", "a whole number of hours, or 0 to be told each time"),
        ("jobs", "runner", "moon", "local"),
        ("emr", "pool", "nightly runs", "letters, digits and -"),
        ("emr", "pool_clusters", "-1", "a whole number, or 0 where others make them"),
        ("emr", "release", "7.12", "emr-7.1.0 or later"),
        ("emr", "release", "emr-6.15.0", "emr-7.1.0 or later"),
        ("emr", "release", "emr-7.0.0", "emr-7.1.0 or later"),
        ("emr", "cluster_id", "hello world", "the id of a cluster, j-"),
        ("emr", "cluster_id", "00f1abcdexample0", "the id of a cluster, j-"),
        ("emr", "log_uri", "bucket/logs", "s3://bucket/prefix, or nothing"),
        ("emr", "log_uri", "s3n://bucket/logs", "s3://bucket/prefix, or nothing"),
        ("emr", "cluster_file", "no/such.json", "a file that is there"),
        ("emr", "node_security_group", "default", "sg-..."),
        ("emr", "subnet_ids", "subnet-1 subnet-2", "subnet-..., or several with , between"),
        ("emr", "idle_seconds", "59", "a whole number of seconds, from 60 to 604800"),
        ("emr", "application_id", "j-2AXXXX", "the id of an application of EMR Serverless"),
        ("emr", "job_role", "lakeshift-job", "the ARN of a role"),
        ("emr_prices", "currency", "dollars", "the three letters of a currency"),
        ("emr_prices", "vcpu_hour", "-1", "a price such as 0.2040"),
        ("user_behaviour", "timezone", "Mars/Base", "a zone of the IANA database"),
    ],
)
def test_a_malformed_setting_names_section_key_value_and_what_is_expected(files, section, key, value, expected):
    files(f"[{section}]\n{key} = {value}\n")

    with pytest.raises(SettingError) as caught:
        getattr(config, section)()

    assert str(caught.value).startswith(f"[{section}] {key} = {value or '(nothing)'} (")
    assert f"expected {expected}" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("redshift://u:top secret@h/db", "redshift://u:***@h/db"),
        ("redshift://ann@corp.com:secret@h/db", "redshift://ann@corp.com:***@h/db"),
        ("redshift:/u:secret@h/db", "redshift:/u:***@h/db"),
        ("u:secret@h/db", "u:***@h/db"),
        ("host=h password='top secret'", "host=h password=***"),
        ("host=h password = top secret", "host=h password =***"),
        ("redshift://u:top\nsecret@h/db", "redshift://u:***@h/db"),
        ("postgresql://me@db.example:5432/shop", "postgresql://me@db.example:5432/shop"),
        ("postgresql://me@/shop?host=/run", "postgresql://me@/shop?host=/run"),
        ("duckdb:/home/ann@corp/w.duckdb", "duckdb:/home/ann@corp/w.duckdb"),
    ],
)
def test_a_password_is_masked_however_the_value_is_malformed(value, shown):
    assert config.masked(value) == shown


def test_a_variable_that_is_not_set_is_named_without_the_rest_of_the_value(files, monkeypatch):
    monkeypatch.delenv("NO_SUCH_HOST", raising=False)
    files("[warehouse]\nurl = redshift://tester:trapdoor@${NO_SUCH_HOST}/dev\n")

    with pytest.raises(SettingError, match=r"^\[warehouse\] url: the environment variable NO_SUCH_HOST") as caught:
        config.warehouse()

    assert "trapdoor" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(("written", "meant"), [("lakes", "lake"), ("Emr", "emr"), ("EMR", "emr")])
def test_a_section_that_is_misspelt_is_refused(files, written, meant):
    files(f"[{written}]\n")

    with pytest.raises(SettingError, match=rf"\[{written}\] is no section .*: \[{meant}\] is"):
        config.check()


def test_what_reads_a_malformed_value_does_not_tell_it_either(files):
    files("[database]\nurl = postgresql://me:secret\N{FULLWIDTH COMMERCIAL AT}@db/shop\n")

    with pytest.raises(SettingError, match="expected embedded, or postgresql") as caught:
        config.database()

    assert "secret" not in "".join(traceback.format_exception(caught.value))


PASSWORDS = ["top@secret", "top/secret", "top#secret", "top?secret", "a:top@secret/@", "top secret"]


@pytest.mark.parametrize("password", PASSWORDS)
def test_a_password_that_was_not_escaped_is_refused_and_not_shown(files, password):
    files(f"[warehouse]\nurl = redshift://me:{password}@host:5439/dev\n")

    with pytest.raises(SettingError, match="percent-encoded") as caught:
        config.warehouse()

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["postgresql://me:top%40secret@db/shop", "postgresql://db/shop?user=me&password=top%%40secret&sslmode=require"],
)
def test_a_secret_in_a_url_is_in_no_error_and_not_shown(files, url):
    files(f"[database]\nurl = {url}\n")

    try:
        shown = " ".join(one.value for one in config.in_force())
    except SettingError as error:
        shown = str(error)

    assert "secret" not in shown


def test_each_setting_tells_the_file_that_it_came_from(files, tmp_path):
    files("[lake]\nregion = eu-west-1\n", "[lake]\nmax_refused = 0.5\n")

    origins = {one.key: one.origin for one in config.in_force() if one.section == "lake"}

    assert origins["region"] == str(tmp_path / "0.cfg")
    assert origins["max_refused"] == str(tmp_path / "1.cfg")
    assert origins["root"] == "default"


@pytest.mark.parametrize(
    ("source", "monitored"), [("in", "in/ready"), ("in", "./in"), ("s3://bucket", "s3://bucket/ready")]
)
def test_a_monitored_place_within_the_source_is_refused(files, source, monitored):
    files(f"[stocks]\nsource = {source}\nmonitored = {monitored}\n")

    with pytest.raises(SettingError, match=r"where the results are published\. Name a folder"):
        config.check()


# Luigi would have all keys with underscores.
@pytest.mark.filterwarnings("ignore:Configuration .*with dashes")
def test_the_prices_have_a_key_for_each_type_of_instance(files):
    files("[emr_prices]\nm7g.xlarge = 0.2040\nm7g.xlarge.spot = 0.11\nu-6tb1.metal = 1\n")

    config.check()

    kinds = ("m7g.xlarge", "m7g.xlarge.spot", "u-6tb1.metal", "r7g.xlarge")
    assert [price_of(kind) for kind in kinds] == [Decimal("0.2040"), Decimal("0.11"), 1, None]
    assert {"m7g.xlarge", "m7g.xlarge.spot"} <= {one.key for one in config.in_force()}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("m7g.xlarge = nan", r"\[emr_prices\] m7g.xlarge = nan \(.*\): expected a price such as"),
        ("m7g = 0.2", r"m7g \(.*\) is no setting. There are: currency, .*, types of instances, such as m7g.xlarge"),
    ],
)
def test_a_malformed_price_and_what_is_no_type_of_instance_are_refused(files, line, message):
    files(f"[emr_prices]\n{line}\n")

    with pytest.raises(SettingError, match=message):
        config.check()
