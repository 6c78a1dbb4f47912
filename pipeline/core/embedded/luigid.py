"""Luigi's central scheduler with its visualiser, on a loopback address only, since it obeys anyone who asks."""

from __future__ import annotations

import ipaddress
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil

from pipeline.core import config
from pipeline.core.embedded.processes import living
from pipeline.core.errors import SettingError, SourceUnavailable
from pipeline.core.locks import file_lock

START_SECONDS = 30
STOP_SECONDS = 30
DAEMON = "from pipeline.core.luigi_settings import luigid; luigid()"


def start_luigid() -> str:
    """Return the URL of the scheduler that luigi.cfg names, started if it is not running.

    Its state, log and pid file are in the folder luigid beside the data of PostgreSQL.
    """
    folder = _folder()
    host, port = config.scheduler_address()
    if not _is_loopback(host):
        raise SettingError(f"[core] scheduler_host = {host}: a scheduler is started on 127.0.0.1 only")
    # The state is a pickle, so nobody else may write there.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with file_lock(folder / ".lock"):
        if not _answers(host, port):
            _end(folder)
            _launch(folder, host, port)
            _wait_until_it_answers(folder, host, port)
    return _url(host, port)


def stop_luigid() -> bool:
    """End the scheduler that start_luigid started; it saves its state. Return whether it was running."""
    folder = _folder()
    if not folder.exists():
        return False
    with file_lock(folder / ".lock"):
        return _end(folder)


def _folder() -> Path:
    return Path(config.database().data).resolve().with_name("luigid")


def _launch(folder: Path, host: str, port: int) -> None:
    files = ("--pidfile", _pid_file(folder), "--logdir", folder, "--state-path", folder / "state.pickle")
    command = [sys.executable, "-c", DAEMON, "--background", *files, "--address", host, "--port", port]
    # It daemonises itself, so what it says on the way goes nowhere: a pipe would be kept open for good.
    subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)


def _wait_until_it_answers(folder: Path, host: str, port: int) -> None:
    give_up_at = time.monotonic() + START_SECONDS
    while not _answers(host, port):
        if time.monotonic() > give_up_at:
            log = folder / "luigi-server.log"
            raise SourceUnavailable(
                f"luigid does not answer at {_url(host, port)} after {START_SECONDS} s. Its log: {log}"
            )
        time.sleep(0.1)


def _end(folder: Path) -> bool:
    process = _daemon(folder)
    if process is not None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()
    _pid_file(folder).unlink(missing_ok=True)
    return process is not None


def _daemon(folder: Path) -> psutil.Process | None:
    """Return the scheduler whose number is in the pid file, unless that is another program's by now."""
    try:
        process = living(int(_pid_file(folder).read_text(encoding="ascii")))
        return process if process and str(_pid_file(folder)) in process.cmdline() else None
    except (FileNotFoundError, ValueError, psutil.Error):
        return None


def _answers(host: str, port: int) -> bool:
    """Say whether a scheduler answers. Raises SettingError if something else does."""
    connection = HTTPConnection(host, port, timeout=10)
    try:
        connection.request("GET", "/api/has_task_history")
        found = connection.getresponse().read()
    except HTTPException as error:
        raise SettingError(_taken(host, port)) from error
    except OSError:
        return False
    finally:
        connection.close()
    if not found.startswith(b'{"response"'):
        raise SettingError(_taken(host, port))
    return True


def _taken(host: str, port: int) -> str:
    return f"{_url(host, port)} is not Luigi's scheduler. Choose another [core] scheduler_port in luigi.cfg."


def _pid_file(folder: Path) -> Path:
    return folder / "luigid.pid"


def _url(host: str, port: int) -> str:
    return f"http://{host}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
