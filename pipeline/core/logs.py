"""Where messages go: one line each to the console, everything with its traceback to the log file."""

from __future__ import annotations

import logging
from pathlib import Path

from pipeline.core import config
from pipeline.core.errors import one_line

FILE_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


class OneLine(logging.Formatter):
    """A record as one line; its traceback is in the log file."""

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if record.levelno >= logging.WARNING and not record.name.startswith("pipeline."):
            text = f"{record.levelname}: {' '.join(text.split())}"
        if record.exc_info and record.exc_info[1]:
            text = f"{text}: {one_line(record.exc_info[1])}"
        return text


class Whole(logging.Formatter):
    """A record with its traceback, also where Luigi hands one over as text."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record) + (f"\n{record.whole}" if hasattr(record, "whole") else "")


def _is_ours_to_tell(record: logging.LogRecord) -> bool:
    """Leave out what Luigi says of a failed task: `FAILED` has said it in one line."""
    return not (record.exc_info and record.name == "luigi-interface" and " failed    " in record.getMessage())


def open_logs() -> None:
    """Show our lines and Luigi's warnings on the console, and keep all of it in the log file; once a process."""
    ours, luigis = logging.getLogger("pipeline"), logging.getLogger("luigi-interface")
    if ours.handlers:
        return
    console = logging.StreamHandler()
    console.setFormatter(OneLine())
    ours.addHandler(console)
    ours.setLevel(logging.INFO)
    ours.propagate = False
    for handler in luigis.handlers:
        if luigis.level > logging.DEBUG:
            handler.setLevel(logging.WARNING)
        handler.setFormatter(OneLine())
        handler.addFilter(_is_ours_to_tell)
    path = Path(config.log().file)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = logging.FileHandler(path, encoding="utf-8", delay=True)
    file.setFormatter(Whole(FILE_FORMAT))
    ours.addHandler(file)
    luigis.addHandler(file)
