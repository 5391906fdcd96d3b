#!/usr/bin/env python3
"""Sends requests to the monitor port whose header does not end: long lines, short lines, one endless line, a body.

With --pid the target's memory must not grow by more than --most-mib meanwhile. A probe follows each.
"""

import socket

import hostile

ENDLESS = {
    "long lines": (b"GET /health HTTP/1.1\r\n", b"X-Header: " + b"x" * 1000 + b"\r\n"),
    "short lines": (b"GET /health HTTP/1.1\r\n", b"a:\r\n" * 250),
    "one line": (b"GET /", b"x" * 1000),
    "empty lines": (b"", b"\r\n" * 500),
    "a chunked body": (b"POST /health HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
                       b"1\r\nx\r\n" * 200),
    "a chunk's extension": (b"POST /health HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1;",
                            b"x" * 1000),
}
MOST_BYTES = 32 << 20  # of one connection; the kernel takes some on the way


def add_options(parser):
    parser.add_argument("--most-mib", type=int, default=32, help="how much memory may grow (%(default)s)")


def send_endless(options, first, rest):
    """Bytes that were taken before the target ended the connection."""
    with socket.create_connection((options.host, options.http_port), timeout=options.patience) as link:
        sent = 0
        try:
            link.sendall(first)
            while sent < MOST_BYTES:
                link.sendall(rest)
                sent += len(rest)
        except OSError:
            return sent
    raise hostile.Failed(f"{sent} bytes were taken on one connection")


def attack(options):
    before_kib = hostile.resident_kib(options.pid) if options.pid else 0
    times = taken = 0
    with hostile.deadline(options.seconds) as time_left:
        while time_left() and times < options.connections:
            for first, rest in ENDLESS.values():
                taken += send_endless(options, first, rest)
            times += 1
            hostile.health(options)
    grown_kib = hostile.resident_kib(options.pid) - before_kib if options.pid else 0
    if grown_kib > options.most_mib * 1024:
        raise hostile.Failed(f"memory grew by {grown_kib} KiB")
    return (f"{times} times each of {len(ENDLESS)} endless requests, {taken >> 10} KiB were taken; "
            f"memory grew by {grown_kib} KiB")


hostile.main(attack, add_options)
