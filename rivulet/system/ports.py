"""Free ports on loopback."""

import random
import socket

LOOPBACK = "127.0.0.1"
# Below the ports that outgoing connections take (from 32768 on Linux): while a server is down, a
# client that keeps trying must neither take its port nor connect to itself.
FIRST, LAST = 20_000, 32_000
TRIES = 200


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port of loopback now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def is_open(port: int) -> bool:
    """Tell whether something accepts connections on this port of loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def free_port(avoid: frozenset[int] = frozenset()) -> int:
    """Pick a free port at random, so that two runs at once seldom pick the same.

    Args:
        avoid: Ports that are already given away.
    """
    chance = random.SystemRandom()
    for _ in range(TRIES):
        port = chance.randint(FIRST, LAST)
        if port not in avoid and is_free(port):
            return port
    raise OSError(f"no free port found between {FIRST} and {LAST}")
