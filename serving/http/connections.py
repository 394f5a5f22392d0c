"""Open connections: how many there may be in total and from each address.

A connection is idle while no request of it is being answered. At a limit, the connection that
has been idle for longest is closed to make room; a new connection is refused only if all others
have a request in progress. Clients that open connections and send nothing cannot use up the
limit.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from typing import Protocol


class Connection(Protocol):
    """A connection that can be closed for a new one.

    Attributes:
        peer: the key of its address, as `peer_key` makes it.
    """

    peer: str

    def close_idle(self) -> None:
        """Closes the connection; it has no request in progress."""
        ...


def peer_key(client: tuple[str, int] | None) -> str:
    """What limits for each peer count by: an IPv4 address or an IPv6 /64 network."""
    if client is None:
        return ""
    try:
        address = ipaddress.ip_address(client[0].partition("%")[0])
    except ValueError:
        return client[0]
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))


class ConnectionTable:
    """The open connections of a server.

    Args:
        max_total: connections in total.
        max_per_peer: connections of one peer.
    """

    def __init__(self, max_total: int, max_per_peer: int) -> None:
        self._max_total = max_total
        self._max_per_peer = max_per_peer
        self._open: set[Connection] = set()
        self._peers: Counter[str] = Counter()
        # In the order in which they became idle.
        self._idle: dict[Connection, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Connection) -> bool:
        """Adds a connection, which is idle; False if a limit is reached and none can be closed."""
        peer = connection.peer
        if self._peers[peer] >= self._max_per_peer and not self._close_one(peer):
            return False
        if len(self._open) >= self._max_total and not self._close_one(None):
            return False
        self._open.add(connection)
        self._peers[peer] += 1
        self._idle[connection] = None
        return True

    def _close_one(self, peer: str | None) -> bool:
        for connection in self._idle:
            if peer in (None, connection.peer):
                self.remove(connection)
                connection.close_idle()
                return True
        return False

    def begin_request(self, connection: Connection) -> None:
        """Notes that a request of the connection is being answered."""
        self._idle.pop(connection, None)

    def end_request(self, connection: Connection) -> None:
        """Notes that the connection is idle again."""
        if connection in self._open:
            self._idle[connection] = None

    def remove(self, connection: Connection) -> None:
        """Removes a connection; one that is not there is none to remove."""
        if connection not in self._open:
            return
        self._open.discard(connection)
        self._idle.pop(connection, None)
        self._peers[connection.peer] -= 1
        if not self._peers[connection.peer]:
            del self._peers[connection.peer]
