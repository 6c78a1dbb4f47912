"""Where messages go: one line each to the console, everything with its traceback to the log file."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import WatchedFileHandler
from pathlib import Path

from pipeline.core.errors import one_line

FILE_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"
# What Luigi says, and says again, of a scheduler that does not answer.
TOLD_LATER = ("Failed connecting", "Failed pinging", "Retrying attempt", "Luigi unexpected framework error")
OURS, EMRS, LUIGIS = "pipeline", "emr", "luigi-interface"


class OneLine(logging.Formatter):
    """A record as one line; its traceback is in the log file."""

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if record.levelno >= logging.WARNING and not record.name.startswith((OURS, EMRS)):
            text = f"{record.levelname}: {' '.join(text.split())}"
        if record.exc_info and record.exc_info[1]:
            text = f"{text}: {one_line(record.exc_info[1])}"
        return text


class Whole(logging.Formatter):
    """A record with its traceback, also where Luigi hands one over as text."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record) + (f"\n{record.whole}" if hasattr(record, "whole") else "")


class LogFile(WatchedFileHandler):
    """The log file, which may be moved away by whoever rotates it; a run goes on without it if it must."""

    def __init__(self, path: str) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        super().__init__(path, encoding="utf-8")
        self.setFormatter(Whole(FILE_FORMAT))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Say once that the file cannot be written, and leave it alone from then on."""
        self.setLevel(logging.CRITICAL + 1)
        _console().emit(_unwritable(self.baseFilename, sys.exc_info()[1]))


def open_console(level: str) -> None:
    """Show our lines and Luigi's warnings on the console; at DEBUG, everything. Once a process."""
    ours, emrs, luigis = (logging.getLogger(name) for name in (OURS, EMRS, LUIGIS))
    if ours.handlers:
        return
    for logger, shown in ((ours, logging.INFO), (emrs, logging.INFO), (luigis, logging.WARNING)):
        console = _console()
        console.setLevel(logging.DEBUG if level == "DEBUG" else shown)
        console.addFilter(lambda record: not _is_told_later(record))
        logger.addHandler(console)
        logger.setLevel(level)
    ours.propagate = emrs.propagate = False


def open_file(path: str) -> None:
    """Keep everything in the log file; once a process. If it cannot be opened, say so and go on."""
    ours = logging.getLogger(OURS)
    if any(isinstance(handler, LogFile) for handler in ours.handlers):
        return
    try:
        file = LogFile(path)
    except OSError as error:
        ours.handle(_unwritable(path, error))
        return
    for name in (OURS, EMRS, LUIGIS):
        logging.getLogger(name).addHandler(file)


@contextmanager
def luigi_in_the_file_alone() -> Iterator[None]:
    """Keep from the console what Luigi says of each task, unless it shows everything, until the block ends."""
    handlers = [one for one in logging.getLogger(LUIGIS).handlers if not isinstance(one, LogFile)]
    quiet = [one for one in handlers if one.level > logging.DEBUG]
    for handler in quiet:
        handler.addFilter(_none)
    try:
        yield
    finally:
        for handler in quiet:
            handler.removeFilter(_none)


def _none(record: logging.LogRecord) -> bool:
    return False


def _console() -> logging.Handler:
    console = logging.StreamHandler()
    console.setFormatter(OneLine())
    return console


def _is_told_later(record: logging.LogRecord) -> bool:
    """Say whether a record is of a failure that the run's last lines tell."""
    if record.name != LUIGIS:
        return hasattr(record, "whole")
    return record.getMessage().startswith(TOLD_LATER) or bool(record.exc_info and " failed    " in record.getMessage())


def _unwritable(path: str, error: BaseException | None) -> logging.LogRecord:
    text = f"The log {path} cannot be written, so this run has none ({one_line(error or OSError())})."
    return logging.LogRecord(OURS, logging.WARNING, __file__, 0, text, None, None)
