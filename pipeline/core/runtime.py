"""Where the processes of a run find each other, and what they leave when the run is over."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.core.errors import SettingError

# The variable that tells the processes of a run where its folder is.
RUN_FOLDER = "LAKESHIFT_RUN"
# Tells a run that it is part of another, which says how both ended: the id of that one.
WITHIN = "LAKESHIFT_WITHIN"
# How the folders of a run for large files begin; the run's folder has a link to each.
SCRATCH = "lakeshift-job-"


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


@contextmanager
def scratch_folder(run_folder: Path, place: str = "") -> Iterator[Path]:
    """Yield an empty folder for large files, which is gone after the block; or after the run, if a kill ends that.

    It lies in $TMPDIR, unless another place is given.
    """
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=place or None) as folder:
        link = run_folder / Path(folder).name
        link.symlink_to(folder)
        try:
            yield Path(folder)
        finally:
            link.unlink(missing_ok=True)


def remove_run_folder(run_folder: Path) -> None:
    """Make the folder of a run be gone, and what its processes could not remove themselves."""
    for link in run_folder.glob(f"{SCRATCH}*"):
        shutil.rmtree(link.resolve(), ignore_errors=True)
    shutil.rmtree(run_folder, ignore_errors=True)
