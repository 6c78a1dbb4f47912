"""A twin of Redshift for a test, and what goes wrong in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fixtures_s3 import REGION
from processes import wait_until
from redshift_faults import CONNECT

__all__ = ["CONNECT", "PASSWORD", "USER", "Redshift", "redshift", "redshift_process"]

# A word of its own, so that a test can look for it in everything that a run leaves behind.
USER, PASSWORD = "tester", "quillheron29"


class Redshift:
    """A server that is empty, as a new one is; `certificate` and `key` are files, and make it speak TLS."""

    def __init__(self, process: subprocess.Popen[str], **about: str) -> None:
        self.process, self.turn = process, threading.Lock()
        self.port = self._ask("start", users={USER: PASSWORD}, **about)

    @property
    def url(self) -> str:
        return f"redshift://{USER}:{PASSWORD}@127.0.0.1:{self.port}/dev?sslmode=disable"

    @property
    def statements(self) -> list[str]:
        """The statements that were executed, in order."""
        return self._ask("statements")

    def fail(self, part: str, code: str, message: str, detail: str = "", **which: int) -> None:
        """Answer statements that hold a text with an error; `times` (1) of them, after `skip` (0) others.

        CONNECT stands for the start of a connection, here and below.
        """
        error = {"code": code, "message": message, "detail": detail}
        self._ask("fault", kind="fail", part=part, error=error, **which)

    def cut(self, part: str, before: bool = True, **which: int) -> None:
        """Reset the connection before statements are executed, or end it after `at` (0) bytes of their answer."""
        self._ask("fault", kind="cut", part=part, before=before, **which)

    def hold(self, part: str, before: bool = True, **which: int) -> None:
        """Hold statements up before they are executed, or before they are answered, until `release`."""
        self._ask("fault", kind="hold", part=part, before=before, **which)

    def orphan(self, part: str, **which: int) -> None:
        """Cut the connection, and execute the statements for all that, once they are released."""
        self._ask("fault", kind="orphan", part=part, **which)

    def wait_until_held(self, number: int = 1) -> None:
        wait_until(lambda: self._ask("held") == number)

    def wait_until_executed(self, part: str, times: int = 1) -> None:
        wait_until(lambda: len([sql for sql in self.statements if part in sql]) >= times)

    def release(self) -> None:
        self._ask("release")

    def sessions(self) -> list[dict[str, Any]]:
        """The pid, the user and the state of the transaction (I, T, E) of each session."""
        return self._ask("sessions")

    def unmet_faults(self) -> list[str]:
        return self._ask("unmet")

    def _ask(self, do: str, **what: Any) -> Any:
        assert self.process.stdin and self.process.stdout
        with self.turn:
            self.process.stdin.write(f"{json.dumps({'do': do} | what)}\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        assert answer, f"the twin of Redshift ended: {self.process.args}"
        return json.loads(answer)


@pytest.fixture(scope="session")
def redshift_process(tmp_path_factory: pytest.TempPathFactory, ministack: str) -> Iterator[subprocess.Popen[str]]:
    """The process of the servers of a test session, one after the other; it reads S3 from MiniStack."""
    folder = tmp_path_factory.mktemp("redshift")
    (folder / "luigi.cfg").write_text(f"[lake]\nendpoint_url = {ministack}\nregion = {REGION}\n")
    command = [sys.executable, str(Path(__file__).with_name("redshift_server.py"))]
    environment = os.environ | {"LUIGI_CONFIG_PATH": str(folder / "luigi.cfg")}
    with (folder / "log").open("w") as log, subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
    ) as process:  # fmt: skip
        yield process
        process.kill()


@pytest.fixture
def redshift(redshift_process: subprocess.Popen[str]) -> Iterator[Redshift]:
    server = Redshift(redshift_process)
    yield server
    # A fault that met no statement leaves its test saying nothing.
    assert server.unmet_faults() == []
