"""The records of a CSV file that somebody else wrote: each is either good, or refused with its line and the reason."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, BinaryIO, NamedTuple, TextIO

from pipeline.core.errors import CheckFailed, SourceUnavailable

MAX_RECORD_CHARACTERS = 1 << 20
REFUSED_HEADER = ("file", "line", "reason", "text")


class Record(NamedTuple):
    """A well-formed record, and the line that it begins at."""

    line: int
    fields: list[str]


class Refused(NamedTuple):
    """What is no record: the line that it begins at, its text as it was, and why."""

    line: int
    text: str
    reason: str


def read_text(stream: Any) -> io.TextIOWrapper:
    """Return a binary stream as text for checked_records, whatever bytes are in it."""
    return io.TextIOWrapper(stream, encoding="utf-8", errors="surrogateescape", newline="")


def checked_records(
    stream: TextIO, header: Sequence[str], name: str, max_characters: int = MAX_RECORD_CHARACTERS
) -> Iterator[Record | Refused]:
    """Yield each record below the header, or what was refused in its place; blank lines are no records.

    A record whose quoting is broken costs only its first line: reading goes on with the next, so that an
    unclosed quote swallows nothing good. stream is what read_text gives; name stands for it in errors.
    Raises SourceUnavailable when it is empty and CheckFailed when its header is another.
    """
    # The limit belongs to the whole process, so it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), max_characters))
    records = _records(_Lines(stream, max_characters), len(header))
    _check_header(next(records, None), header, name)
    yield from records


class _Lines:
    """The lines of a stream: those of the record being read are kept, and can be given back."""

    def __init__(self, stream: TextIO, max_characters: int):
        self._stream, self._max = stream, max_characters
        self._given_back: deque[str] = deque()
        self._taken: list[str] = []
        self._characters = 0
        self.line = 1
        self.fault = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._given_back.popleft() if self._given_back else self._read()
        if not line:
            raise StopIteration
        self._taken.append(line)
        self._characters += len(line)
        if self._characters > self._max:
            raise csv.Error(f"no end within {self._max} characters")
        self.fault = self.fault or _fault(line)
        return line.replace("\0", "")

    def _read(self) -> str:
        line = self._stream.readline(self._max + 1)
        rest = line
        while len(rest) > self._max and not rest.endswith(("\n", "\r")):
            rest = self._stream.readline(self._max + 1)
        if self.line == 1 and not self._taken:
            return line.removeprefix("\ufeff")
        return line

    def text(self) -> str:
        return _shown("".join(self._taken))

    def begin_record(self) -> None:
        self.line += len(self._taken)
        self._taken.clear()
        self._characters = 0
        self.fault = ""

    def give_back_all_but_first(self) -> None:
        self._given_back.extendleft(reversed(self._taken[1:]))
        del self._taken[1:]


def _records(lines: _Lines, width: int) -> Iterator[Record | Refused]:
    reader = csv.reader(lines, strict=True)
    while True:
        lines.begin_record()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            lines.give_back_all_but_first()
            yield Refused(lines.line, lines.text(), f"its quotes do not pair: {error}")
            reader = csv.reader(lines, strict=True)
            continue
        if lines.fault:
            yield Refused(lines.line, lines.text(), lines.fault)
        elif len(fields) == width:
            yield Record(lines.line, fields)
        elif fields:
            yield Refused(lines.line, lines.text(), f"it has {len(fields)} fields, not {width}")


def _fault(line: str) -> str:
    """Return what is wrong with the bytes of a line, if anything."""
    if "\0" in line:
        return "it has a NUL byte"
    try:
        line.encode()
    except UnicodeEncodeError:
        return "it is not UTF-8"
    return ""


def _check_header(found: Record | Refused | None, header: Sequence[str], name: str) -> None:
    if found is None:
        raise SourceUnavailable(f"{name} is empty: it has no header yet. Wait until it is written, and run again.")
    if not isinstance(found, Record) or found.fields != list(header):
        text = found.text if isinstance(found, Refused) else ",".join(found.fields)
        raise CheckFailed(f"{name}: the header is {text.strip()[:200]!r}, expected {','.join(header)!r}.")


def _shown(text: str) -> str:
    r"""Return text with the bytes that are no UTF-8, and NULs, as `\xff`; it can be written anywhere."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def row_writer(target: TextIO) -> Callable[[Sequence[str]], Any]:
    """Return what writes a row as CSV with newlines, so that every reader of RFC 4180 gives it back as it was."""
    plain = csv.writer(target, lineterminator="\n")
    # Before 3.13 Python leaves a carriage return unquoted, and a reader would end the row there.
    quoted = csv.writer(target, lineterminator="\n", quoting=csv.QUOTE_ALL)

    def write_row(fields: Sequence[str]) -> None:
        (quoted if "\r" in "".join(fields) else plain).writerow(fields)

    return write_row


class RefusedRows:
    """The refused rows of one load: counted, and written to a CSV that exists once there is one.

    first says where the first one was, and its reason.
    """

    def __init__(self, open_file: Callable[[], BinaryIO]):
        self._open, self._stack = open_file, ExitStack()
        self._write: Callable[[Sequence[str]], Any] | None = None
        self.count = 0
        self.first = ""

    def __enter__(self) -> RefusedRows:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def add(self, file: str, refused: Refused) -> None:
        if self._write is None:
            target = self._stack.enter_context(self._open())
            text = self._stack.enter_context(io.TextIOWrapper(target, encoding="utf-8", newline=""))
            self._write = row_writer(text)
            self._write(REFUSED_HEADER)
            self.first = f"line {refused.line} of {file}: {refused.reason}"
        self.count += 1
        self._write((file, str(refused.line), refused.reason, refused.text))

    def keep_out(self, file: str, records: Iterator[Record | Refused]) -> Iterator[Record]:
        """Yield the good records; the refused ones are written here."""
        for record in records:
            if isinstance(record, Record):
                yield record
            else:
                self.add(file, record)
