"""Ports of loopback that nobody has."""

import os
import random
import socket

_draw = random.Random(os.getpid())
_given = set()


def free_port():
    """From below those that the kernel gives to sockets that connect, and each only once."""
    while True:
        port = _draw.randrange(20_000, 32_000)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
