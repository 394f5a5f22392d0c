"""Free ports on loopback."""

import random
import socket

LOOPBACK = "127.0.0.1"
# Below the ports of outgoing connections (from 32768 on Linux). Otherwise a client that reconnects
# while its server is down could take the server's port, or connect to itself.
FIRST, LAST = 20_000, 32_000
ATTEMPTS = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of loopback now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def is_open(port: int) -> bool:
    """Whether a program accepts connections on this port of loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def free_port(avoid: frozenset[int] = frozenset()) -> int:
    """A free port, chosen at random so that concurrent runs rarely choose the same one.

    Args:
        avoid: ports that are already chosen.

    Raises:
        OSError: no free port was found.
    """
    chance = random.SystemRandom()
    for _ in range(ATTEMPTS):
        port = chance.randint(FIRST, LAST)
        if port not in avoid and is_free(port):
            return port
    raise OSError(f"no free port found between {FIRST} and {LAST}")
