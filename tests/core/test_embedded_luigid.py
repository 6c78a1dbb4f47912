"""The embedded scheduler: on this machine's own address, and with a memory."""

from __future__ import annotations

import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import psutil
import pytest
from luigi.configuration import get_config
from luigi.rpc import RemoteScheduler

from pipeline.core.embedded import start_luigid, stop_luigid
from pipeline.core.errors import SettingError


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture(autouse=True)
def settings(tmp_path, port):
    """Have Luigi's configuration name a free port and a folder of the test, until the test is over."""
    config = get_config()
    host = {"scheduler_host": "127.0.0.1", "scheduler_port": str(port)}
    wanted = {"core": host, "database": {"data": str(tmp_path / "postgres")}}
    before = {section: dict(config.items(section)) if config.has_section(section) else {} for section in wanted}
    config.read_dict(wanted)
    yield config
    config.read_dict({"core": host})
    stop_luigid()
    for section in wanted:
        config.remove_section(section)
    config.read_dict(before)


def pid(tmp_path):
    return int((tmp_path / "luigid" / "luigid.pid").read_text())


def test_a_scheduler_starts_once_and_answers(tmp_path, port):
    url = start_luigid()
    first = pid(tmp_path)

    assert start_luigid() == url == f"http://127.0.0.1:{port}"
    assert pid(tmp_path) == first
    assert RemoteScheduler(url).task_list("DONE", "") == {}


def test_a_stopped_scheduler_is_gone_and_remembers_what_it_knew(port):
    scheduler = RemoteScheduler(start_luigid())
    scheduler.add_task(worker="w", task_id="Sale_2010_12_01", status="DONE", family="Sale", params={})

    was_running = stop_luigid()
    with socket.socket() as another:
        refused = another.connect_ex(("127.0.0.1", port))
    start_luigid()

    assert was_running
    assert refused
    assert "Sale_2010_12_01" in scheduler.task_list("DONE", "")


def test_a_scheduler_that_was_killed_is_started_again(tmp_path):
    start_luigid()
    daemon = psutil.Process(pid(tmp_path))
    daemon.kill()
    daemon.wait()

    url = start_luigid()

    assert RemoteScheduler(url).task_list("DONE", "") == {}


def test_there_is_nothing_to_stop_where_nothing_was_started():
    assert not stop_luigid()


def test_a_number_that_another_program_has_by_now_is_neither_ended_nor_in_the_way(tmp_path):
    (tmp_path / "luigid").mkdir(mode=0o700)
    (tmp_path / "luigid" / "luigid.pid").write_text(str(os.getppid()))

    was_running = stop_luigid()
    (tmp_path / "luigid" / "luigid.pid").write_text(str(os.getppid()))
    url = start_luigid()

    assert not was_running
    assert RemoteScheduler(url).task_list("DONE", "") == {}


def test_nobody_else_can_write_where_the_state_is(tmp_path):
    start_luigid()

    assert (tmp_path / "luigid").stat().st_mode & 0o077 == 0


class Another(BaseHTTPRequestHandler):
    """Something that answers where the scheduler should be."""

    def do_GET(self):
        self.send_error(404)

    def log_message(self, *args):
        pass


def test_a_port_that_something_else_has_is_said_in_one_line(port):
    with HTTPServer(("127.0.0.1", port), Another) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        with pytest.raises(SettingError, match="is not Luigi's scheduler"):
            start_luigid()
        server.shutdown()


def test_a_scheduler_is_not_started_for_others_to_reach(settings):
    settings.set("core", "scheduler_host", "0.0.0.0")  # noqa: S104

    with pytest.raises(SettingError, match=r"127\.0\.0\.1 only"):
        start_luigid()
