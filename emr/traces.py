"""Finds in a log the exception that was thrown first: of a chain of causes the deepest, in Python or in Java."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

TRACEBACK = "Traceback (most recent call last):"
PYTHON_FRAME = re.compile(r'\s+File "(?P<file>[^"]+)", line (?P<line>\d+)')
JAVA_FRAME = re.compile(r"\s+at [^()]+\((?P<file>[\w$]+\.\w+):(?P<line>\d+)\)")
# Such as `Caused by: java.io.IOException: No space left`; what Py4J passes on begins with a colon, a task of MapReduce
# with `Error: `, and a JVM that ends itself where memory is out with a hash.
JAVA_ERROR = re.compile(
    r'(?P<how>Caused by: |Exception in thread "[^"]*" |Error: |# |: |)(?P<error>(?:[a-z_]\w*\.)+[A-Z][\w$]*(?:: .*)?)'
)
# Python tells the cause first, and then what was thrown because of it.
CONSEQUENCE = (
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
)
# What Python says when Java is gone, which does not say why; of a call that Java refused it tells more.
GONE = re.compile(r"py4j\.protocol\.Py4J(?:NetworkError: .*|Error: An error occurred while calling \S+)")
LIBRARIES = ("/pyspark", "/py4j", "site-packages/", "lib/python", "lib64/python", "<frozen ")
BEFORE_OWN = re.compile(r".*(?:/container_\w+|\.zip)/")
# What Spark puts before the reason why a task failed.
OF_STAGE = re.compile(r"Job aborted due to stage failure: .*?most recent failure: ")
# Of what is longer the middle is left out, by whole words: of a half nobody could tell that it is a password.
LONGEST = 400


@dataclass(frozen=True)
class Thrown:
    """An exception, and the line that threw it: in a job of ours, where the log tells."""

    error: str
    place: str = ""

    def __str__(self) -> str:
        text = OF_STAGE.sub("", self.error)
        if len(text) > LONGEST:
            text = f"{text[: LONGEST // 2].rpartition(' ')[0]} ... {text[-LONGEST // 2 :].partition(' ')[2]}"
        return f"{text} ({self.place})" if self.place else text


def deepest(text: str) -> Thrown | None:
    """Return the cause of the last failure that a log tells of, or None if it tells of none."""
    reader = _Reader()
    for line in text.splitlines():
        reader.read(line)
    return reader.found


class _Reader:
    """Goes through a log line by line."""

    def __init__(self) -> None:
        self.found: Thrown | None = None
        self.frames: list[str] | None = None
        self.is_consequence = False

    def read(self, line: str) -> None:
        if line.endswith(TRACEBACK):
            self.frames = []
        elif line.strip() in CONSEQUENCE:
            self.is_consequence = True
        elif self.frames is not None:
            self._in_traceback(line, self.frames)
        else:
            self._in_java(line)

    def _in_traceback(self, line: str, frames: list[str]) -> None:
        frame = PYTHON_FRAME.match(line)
        if frame:
            frames.append(f"{frame['file']}:{frame['line']}")
        elif line.strip() and not line[0].isspace():
            if not self.is_consequence and not GONE.fullmatch(line.strip()):
                self.found = Thrown(line.strip(), _own(frames))
            self.frames = None

    def _in_java(self, line: str) -> None:
        frame, thrown = JAVA_FRAME.match(line), JAVA_ERROR.fullmatch(line)
        if frame and self.found and not self.found.place:
            self.found = replace(self.found, place=f"{frame['file']}:{frame['line']}")
        elif thrown and thrown["how"] == "Caused by: " and self.found and _says(self.found.error, thrown["error"]):
            # What was thrown because of it has the file, or the program, too.
            pass
        elif thrown and not self.is_consequence:
            # The line of ours that called Java says more than Java's own.
            place = self.found.place if self.found and _is_python(self.found) and thrown["how"] in _CHAINED else ""
            self.found = Thrown(thrown["error"], place)
        elif thrown:
            self.is_consequence = thrown["how"] in _CHAINED


_CHAINED = ("Caused by: ", ": ")


def _says(error: str, cause: str) -> bool:
    """Return whether an error says all that its cause does, and more. Spark's has the cause's stack in it."""
    said, message = error.partition(": ")[2], cause.partition(": ")[2]
    return bool(message) and message in said and said != cause and not error.startswith("org.apache.spark.")


def _is_python(thrown: Thrown) -> bool:
    return ".py:" in thrown.place


def _own(frames: Iterable[str]) -> str:
    """Return the last frame that is no library's, without the folders that YARN made; or the last one."""
    frames = list(frames)
    own = [frame for frame in frames if not any(part in frame for part in LIBRARIES)]
    last = (own or frames or [""])[-1]
    shorter = BEFORE_OWN.sub("", last)
    return shorter if shorter != last else last.rpartition("/")[2]
