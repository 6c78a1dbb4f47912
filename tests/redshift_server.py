"""A twin of Redshift for tests: the embedded warehouse behind the PostgreSQL wire protocol, in a process of its own.

Every line of input asks for something (`Control`), and is answered by a line. It ends with its input, so that it does
not outlive the tests.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from redshift_cluster import Cluster
from redshift_conversation import Conversation
from redshift_faults import CONNECT, Faults
from redshift_session import Session
from redshift_wire import Gone, Refused, Wire, text

SSL_REQUEST, CANCEL_REQUEST = 80877103, 80877102
STATUS = {
    "server_version": "8.0.2",
    "client_encoding": "UTF8",
    "DateStyle": "ISO, MDY",
    "server_protocol_version": "2",
}


class Server:
    """Takes clients, each in a thread of its own."""

    def __init__(self, users: Mapping[str, str], certificate: str | None = None, key: str | None = None) -> None:
        self.users, self.cluster, self.faults = users, Cluster(), Faults()
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
        if self.tls and certificate:
            self.tls.load_cert_chain(certificate, key)
        self.pids = itertools.count(1001)
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return self.listener.getsockname()[1]

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for pid in list(self.cluster.sessions):
            self.cluster.terminate(pid)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        wire = Wire(client)
        try:
            wire, start = self._started(wire)
            self._talk(wire, start)
        except Refused as error:
            wire.send_error(error)
            wire.flush()
        except Gone as gone:
            self._leave(wire, gone)
        except OSError:
            pass
        finally:
            wire.close()

    def _leave(self, wire: Wire, gone: Gone) -> None:
        with suppress(OSError):
            if gone.is_reset:
                wire.reset()
            else:
                wire.write(gone.last)
                wire.flush()

    def _started(self, wire: Wire) -> tuple[Wire, dict[str, str]]:
        """Return the connection, by TLS if the client wants it and we can, and the parameters it begins with."""
        message = wire.receive_start()
        request = message.number("i")
        if request == SSL_REQUEST:
            wire.socket.sendall(b"S" if self.tls else b"N")
            return self._started(Wire(self.tls.wrap_socket(wire.socket, server_side=True)) if self.tls else wire)
        if request == CANCEL_REQUEST:
            raise Gone
        words = message.body[message.place :].decode().split("\0")
        return wire, dict(zip(words[::2], words[1::2], strict=False))

    def _talk(self, wire: Wire, start: Mapping[str, str]) -> None:
        pid = next(self.pids)
        user = start.get("user", "")
        self._authenticate(wire, user)
        self.faults.around(CONNECT, bytes)
        session = self.cluster.sessions[pid] = Session(self.cluster, pid, user, wire.dismiss)
        try:
            for name, value in STATUS.items():
                wire.send("S", text(name), text(value))
            wire.send("K", struct.pack("!ii", pid, 0))
            wire.send("Z", session.status.encode())
            wire.flush()
            Conversation(wire, session, self.faults).go_on()
        finally:
            del self.cluster.sessions[pid]
            session.close()

    def _authenticate(self, wire: Wire, user: str) -> None:
        salt = os.urandom(4)
        wire.send("R", struct.pack("!i", 5), salt)
        wire.flush()
        _, answer = wire.receive()
        known = _md5(self.users.get(user, os.urandom(8).hex()) + user).encode()
        if answer.text() != f"md5{hashlib.md5(known + salt).hexdigest()}":  # noqa: S324 - the protocol has it so
            raise Refused("28000", f'password authentication failed for user "{user}"', severity="FATAL")
        wire.send("R", struct.pack("!i", 0))


class Control:
    """What a test asks of its server: each method is a request."""

    server: Server | None = None

    def answer(self, request: dict[str, Any]) -> Any:
        return getattr(self, request.pop("do"))(**request)

    def start(self, **about: Any) -> int:
        """Put a new cluster in the place of the last one, and return its port on 127.0.0.1."""
        if self.server:
            self.server.close()
        self.server = Server(**about)
        self.faults = self.server.faults
        return self.server.port

    def statements(self) -> list[str]:
        return self.faults.statements

    def fault(self, **about: Any) -> None:
        self.faults.add(**about)

    def unmet(self) -> list[str]:
        return self.faults.unmet()

    def held(self) -> int:
        return len(self.faults.held)

    def release(self) -> None:
        self.faults.release()

    def sessions(self) -> list[dict[str, Any]]:
        return [
            {"pid": one.pid, "user": one.user, "status": one.status}
            for one in list(self.server.cluster.sessions.values())
        ]


def _md5(value: str) -> str:
    return hashlib.md5(value.encode()).hexdigest()  # noqa: S324 - the protocol has it so


def main() -> None:
    control = Control()
    for line in sys.stdin:
        print(json.dumps(control.answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
