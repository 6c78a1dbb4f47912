"""The `lakeshift` command says what it did in plain lines, and what failed in one."""

import json
import socket
import subprocess
import sys
import tempfile

import psycopg2
import pytest
from luigi.configuration import LuigiConfigParser, get_config

from pipeline.core.warehouse import Warehouse


@pytest.fixture
def free_services(settings):
    """Set the services to a folder and a port that nobody else has."""
    # pytest's own folders are closed to the user that PostgreSQL runs as instead of root.
    with tempfile.TemporaryDirectory(prefix="lakeshift-test-") as folder:
        settings("database", "data", f"{folder}/postgres")
        with socket.create_server(("127.0.0.1", 0)) as free:
            settings("core", "scheduler_port", str(free.getsockname()[1]))
        yield


def test_the_help_names_every_command(lakeshift):
    done = lakeshift("--help")

    assert done.code == 0
    commands = ("up", "down", "seed", "query", "rerun", "migrate", "vacuum", "config", "warm")
    assert all(name in done.out for name in commands)


def test_help_waits_for_nothing_heavy():
    code = "import sys, pipeline.cli; print({'luigi', 'pyspark', 'duckdb', 'faker', 'psycopg2'} & set(sys.modules))"

    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


def test_config_shows_where_a_setting_comes_from_and_no_password(lakeshift, settings):
    settings("database", "url", "postgresql://me:trapdoor@host/db")

    done = lakeshift("config")

    [line] = [line for line in done.out.splitlines() if "postgresql" in line]
    assert [cell.strip() for cell in line.strip("│").split("│")] == [
        *("[database]", "url", "postgresql://me:***@host/db", "set at run time")
    ]
    assert "trapdoor" not in done.out


def shown_settings(done):
    """Return what `lakeshift config` printed: value and origin by section and key."""
    lines = [[cell.strip() for cell in line.strip("│").split("│")] for line in done.out.splitlines() if line[0] == "│"]
    return {(section, key): (value, origin) for section, key, value, origin in lines}


def test_settings_that_contradict_each_other_are_refused_where_settings_are_shown(lakeshift, settings):
    settings("jobs", "runner", "emr")
    settings("lake", "root", "s3://bucket/lake")
    settings("emr", "cluster_id", "j-1")
    settings("emr", "pool", "nightly")

    done = lakeshift("config")

    assert (done.code, done.err.count("\n")) == (1, 1)
    assert done.err.startswith("[emr] has a cluster_id and a pool")


def test_config_shows_luigis_own_settings_too(lakeshift, tmp_path, monkeypatch):
    (tmp_path / "luigi.cfg").write_text("[worker]\nwait-interval = 7\n[smtp]\nhost = mail\npassword = trapdoor\n")
    get_config().read([tmp_path / "luigi.cfg"])
    monkeypatch.setattr(LuigiConfigParser, "_config_paths", [str(tmp_path / "luigi.cfg")])

    done = lakeshift("config")

    shown, file = shown_settings(done), str(tmp_path / "luigi.cfg")
    assert shown["[worker]", "wait_interval"] == ("7", file)
    assert shown["[smtp]", "host"] == ("mail", file)
    assert shown["[smtp]", "password"] == ("***", file)
    assert shown["[retcode]", "task_failed"] == ("30", "default")
    assert "trapdoor" not in done.out


def test_a_setting_of_luigis_that_cannot_be_read_is_one_line(lakeshift):
    get_config().read_dict({"smtp": {"password": "${NOT_SET_ANYWHERE}"}})

    done = lakeshift("config")

    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert done.err.startswith("[smtp] password: ")


def test_a_malformed_setting_is_one_line_and_exit_1(lakeshift, settings):
    settings("lake", "max_refused", "lots")

    done = lakeshift("config")

    assert (done.code, done.out) == (1, "")
    assert done.err == "[lake] max_refused = lots (set at run time): expected a share between 0 and 1\n"


def test_a_line_that_is_no_setting_is_named_and_not_told(tmp_path):
    (tmp_path / "luigi.cfg").write_text("[warehouse]\nsecret_id trapdoor\n")

    done = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "config"], cwd=tmp_path, capture_output=True, text=True
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert "luigi.cfg, line 2: no setting. Write name = value" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "trapdoor" not in done.stderr


def test_what_nobody_foresaw_is_one_line_with_its_traceback_in_the_log(lakeshift, tmp_path, monkeypatch):
    monkeypatch.setattr(Warehouse, "query_table", lambda *arguments: 1 / 0)

    done = lakeshift("query", "SELECT 1")

    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert done.err.endswith(f"The traceback is in {tmp_path}/log/lakeshift.log\n")
    assert "ZeroDivisionError" in (tmp_path / "log/lakeshift.log").read_text().splitlines()[-1]


def test_services_go_up_print_addresses_that_answer_and_go_down(lakeshift, free_services):
    try:
        up = lakeshift("up")
        [postgres, scheduler] = [line.split("│")[2].strip() for line in up.out.splitlines() if "://" in line]
        psycopg2.connect(postgres).close()
        socket.create_connection(("127.0.0.1", int(scheduler.rpartition(":")[2]))).close()
    finally:
        down = lakeshift("down")

    assert (up.code, down.out) == (0, "scheduler: stopped\nPostgreSQL: stopped\n")
    assert lakeshift("down").out == "scheduler: was not running\nPostgreSQL: was not running\n"
    stopped = [{"service": name, "was_running": False} for name in ("scheduler", "PostgreSQL")]
    assert json.loads(lakeshift("down", "--json").out) == {"services": stopped}


def test_query_prints_the_first_rows_below_their_names(lakeshift):
    rows = "SELECT 7 AS a, NULL AS b UNION ALL SELECT 8, '[red]' UNION ALL SELECT 9, 'x'"

    done = lakeshift("query", "--limit", "2", rows)

    lines = [line.replace("┃", "│").strip("│") for line in done.out.splitlines() if line[0] in "│┃"]
    cells = [[cell.strip() for cell in line.split("│")] for line in lines]
    assert cells == [["a", "b"], ["7", "null"], ["8", "[red]"]]
    assert done.out.splitlines()[-1] == "the first 2 of 3 rows"


def test_one_row_is_one_row(lakeshift):
    done = lakeshift("query", "SELECT 7 AS a")

    assert done.out.splitlines()[-1] == "1 row"


def test_a_query_that_cannot_be_run_is_one_line(lakeshift):
    done = lakeshift("query", "SELECT nothing FROM nowhere")

    assert (done.code, len(done.err.splitlines())) == (1, 1)
    assert "nowhere" in done.err
