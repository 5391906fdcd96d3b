#!/usr/bin/env python3
"""Connects, sends three bytes of a frame and resets the connection, all at once, again and again.

The gateway accepts sockets that are dead already, and nothing but their own state tells. It has to
find out soon, not when the time for logging in is over.
"""

import re
import socket
import struct
import time

import hostile

THREE_BYTES = b"\x02\x00\x00"
SOON_S = 6  # LoginWait is 10 s unless configured
RESET = struct.pack("ii", 1, 0)


def clients(options):
    """How many connections of clients the gateway takes for open."""
    request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    _, answer = hostile.http(options, request)
    values = re.findall(rb"^ringgate_clients\{[^}]*\} (\S+)", answer, re.MULTILINE)
    return int(sum(map(float, values)))


def attack(options):
    before = clients(options)
    address = (options.host, options.port)
    for _ in range(options.connections):
        with socket.socket() as victim:
            victim.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            victim.connect(address)
            victim.send(THREE_BYTES)
    began = time.monotonic()
    while (left := clients(options) - before) > 0:
        if time.monotonic() - began > SOON_S:
            raise hostile.Failed(f"{left} of {options.connections} dead connections are kept as open")
        time.sleep(0.05)
    return (f"{options.connections} connections reset with their first bytes were gone "
            f"{time.monotonic() - began:.1f} s after the last")


hostile.main(attack, connections=1500, patience=20)
