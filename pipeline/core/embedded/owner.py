"""Whose the embedded servers are: their user's own, or, since PostgreSQL refuses to run as root, a system user's."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from pathlib import Path
from typing import Any

from pipeline.core.errors import SourceUnavailable

SYSTEM_USER = "lakeshift-postgres"


def is_root() -> bool:
    return os.geteuid() == 0


def make_private(folder: Path) -> None:
    """Make a folder that is the server's own and nobody else's; as root, one that its system user can get to."""
    owners = {os.geteuid(), _system_user().pw_uid} if is_root() else {os.geteuid()}
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    # In /tmp anybody may have put something of that name.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners:
        raise SourceUnavailable(f"{folder} is in the way: it is no folder, or another user's. Remove it.")
    if is_root():
        os.chown(folder, _system_user().pw_uid, _system_user().pw_gid)
        _open_way(folder)


def let_read(folder: Path) -> None:
    """Let the server read and run what is in a folder; nothing changes unless root."""
    if not is_root():
        return
    _open_way(folder)
    for path in [folder, *folder.rglob("*")]:
        mode = path.stat().st_mode
        _allow(path, stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))


def run_as(folder: Path) -> dict[str, Any]:
    """Return the arguments of subprocess.run that make a program run as the owner of a folder."""
    if not is_root():
        return {}
    found = folder.stat()
    return {"user": found.st_uid, "group": found.st_gid, "extra_groups": []}


def _open_way(folder: Path) -> None:
    for above in folder.parents:
        _allow(above, stat.S_IXOTH)


def _allow(path: Path, bits: int) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode | bits != mode:
        path.chmod(mode | bits)


def _system_user() -> pwd.struct_passwd:
    """Return the system user that the server runs as, made on first use."""
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", SYSTEM_USER]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", "") or error
            raise SourceUnavailable(
                f"PostgreSQL does not run as root, and no user could be made for it ({said})."
                f" Make a system user {SYSTEM_USER}, or do not run as root."
            ) from error
        return pwd.getpwnam(SYSTEM_USER)
