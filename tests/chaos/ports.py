"""Ports of loopback that nobody has."""

import os
import random
import socket

_draw = random.Random(os.getpid())
_given = set()


def free_port():
    """Each only once. From below those that the kernel gives to sockets that connect, and below those of other tests,
    which could take one while its process is away."""
    while True:
        port = _draw.randrange(10_000, 20_000)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
