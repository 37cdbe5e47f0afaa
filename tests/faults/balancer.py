"""What stands in front of several web machines: connections go to one that takes them.

Owns: passing bytes. Must not know: HTTP, who stands behind.
"""

from __future__ import annotations

import itertools
import socket
import threading
from contextlib import suppress
from typing import Self


class Balancer:
    """Listens on a free port; the next target that accepts gets a connection.

    :param targets: ports on this machine.
    """

    def __init__(self, targets: list[int]) -> None:
        self._targets = targets
        self._next = itertools.count()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = int(self._socket.getsockname()[1])

    def start(self) -> Self:
        """Begin to take connections."""
        threading.Thread(target=self._accept, name="balancer", daemon=True).start()
        return self

    def close(self) -> None:
        """Take no more."""
        self._socket.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        first = next(self._next)
        with client:
            for place in range(len(self._targets)):
                target = self._targets[(first + place) % len(self._targets)]
                try:
                    server = socket.create_connection(("127.0.0.1", target), timeout=2)
                except OSError:
                    continue
                with server:
                    server.settimeout(None)
                    back = threading.Thread(target=_copy, args=(server, client), daemon=True)
                    back.start()
                    _copy(client, server)
                    back.join()
                return


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
    except OSError:
        pass  # either side is gone: so is the other, below
    for one in (source, target):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR if one is source else socket.SHUT_WR)
