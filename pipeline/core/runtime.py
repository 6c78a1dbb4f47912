"""Where the processes of a run find each other."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pipeline.core.errors import SettingError

# The variable that tells the processes of a run where its folder is.
RUN_FOLDER = "LAKESHIFT_RUN"


def runtime_folder() -> Path:
    """Return this user's folder for sockets and locks; short, since a socket's path may have 107 bytes."""
    given = os.environ.get("XDG_RUNTIME_DIR")
    if given and os.access(given, os.W_OK) and Path(given).stat().st_uid == os.getuid():
        folder = Path(given) / "lakeshift"
    else:
        # macOS's own temporary folder is too long; that nobody else made this one is checked below.
        folder = Path(f"/tmp/lakeshift-{os.getuid()}")  # noqa: S108
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode) or stat.S_IMODE(found.st_mode) & 0o077:
        raise SettingError(f"{folder} is not a folder of this user's alone. Remove it, or set XDG_RUNTIME_DIR.")
    return folder
