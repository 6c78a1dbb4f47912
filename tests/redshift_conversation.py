"""One client's messages to the twin of Redshift, in the extended protocol."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redshift_faults import Faults
from redshift_session import Session
from redshift_types import DECODED, Column, description, row
from redshift_wire import Message, Refused, Wire, framed, text


@dataclass
class Prepared:
    """A statement with the types of its parameters and, once it was described, its columns."""

    sql: str
    kinds: list[int]
    columns: list[Column] | None = None
    values: Mapping[str, Any] | None = None


class Conversation:
    """A client's statements: each is parsed, described, bound and executed."""

    def __init__(self, wire: Wire, session: Session, faults: Faults) -> None:
        self.wire, self.session, self.faults = wire, session, faults
        self.sql = "nothing yet"
        self.prepared: dict[str, Prepared] = {}
        self.portals: dict[str, Prepared] = {}
        self.answers = {
            "P": self.parse, "D": self.describe, "B": self.bind, "E": self.execute, "C": self.close, "H": self.flush
        }  # fmt: skip

    def go_on(self) -> None:
        """Answer until the client goes."""
        while True:
            code, message = self.wire.receive()
            if code == "X":
                return
            try:
                if code != "S":
                    self.answers[code](message)
                    continue
            except (Refused, KeyError, ValueError, struct.error) as error:
                self.session.fail(self.sql)
                self.wire.send_error(error if isinstance(error, Refused) else Refused("0A000", f"the twin: {error!r}"))
                self._skip_to_sync()
            self.wire.send("Z", self.session.status.encode())
            self.wire.flush()

    def parse(self, message: Message) -> None:
        name, sql, kinds = message.text(), message.text(), message.numbers("i")
        self.sql = sql
        self.session.check_status(sql)
        self.prepared[name] = Prepared(sql, kinds)
        self.wire.send("1")

    def describe(self, message: Message) -> None:
        message.take(1)
        prepared = self.prepared[message.text()]
        prepared.columns = self.session.describe(prepared.sql, prepared.kinds)
        self.wire.send("t", struct.pack(f"!h{len(prepared.kinds)}i", len(prepared.kinds), *prepared.kinds))
        if prepared.columns is None:
            self.wire.send("n")
        else:
            self.wire.send("T", description(prepared.columns))

    def bind(self, message: Message) -> None:
        portal, prepared = message.text(), self.prepared[message.text()]
        message.numbers("h")
        found = [message.value() for _ in range(message.number("h"))]
        values = [
            None if value is None else DECODED[kind](value) for value, kind in zip(found, prepared.kinds, strict=True)
        ]
        named = {str(number): value for number, value in enumerate(values, start=1)}
        self.portals[portal] = Prepared(prepared.sql, prepared.kinds, prepared.columns, named)
        self.wire.send("2")

    def execute(self, message: Message) -> None:
        portal = self.portals[message.text()]
        self.sql = portal.sql
        self.wire.write(self.faults.around(portal.sql, lambda: self._reply(portal), self.session))

    def close(self, message: Message) -> None:
        message.take(1)
        self.prepared.pop(message.text(), None)
        self.wire.send("3")

    def flush(self, message: Message) -> None:
        self.wire.flush()

    def _reply(self, portal: Prepared) -> bytes:
        result = self.session.execute(portal.sql, portal.values or {})
        columns = portal.columns or []
        rows = [framed("D", row(values, columns)) for values in result.rows if columns]
        return b"".join([*rows, framed("C", text(result.tag))])

    def _skip_to_sync(self) -> None:
        while self.wire.receive()[0] != "S":
            pass
