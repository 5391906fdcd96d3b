#!/usr/bin/env python3
"""A logged-in client sends the longest packets that the gateway takes, with headers that grow when they are rewritten.

Each has to be answered, and nobody else's requests may fail: a packet that became too long for the link to a service would
end the link, which is everybody's. `--command` names what to ask for; `--max-frame` is the gateway's MaxFrame.
"""

import os
import struct
import time

import hostile

OVERHEAD = 12  # of a packet: magic and two lengths
# A meta whose type takes five bytes, and ten when protobuf writes it again.
GROWING_META = hostile.field(7, hostile.field(1, "k" * 20) + b"\x18\xff\xff\xff\xff\x0f")


def longest(options, sequence, extra):
    header_bytes = len(hostile.field(1, options.command) + hostile.field(3, sequence) + extra)
    body = b"\xff" * (options.max_frame - OVERHEAD - header_bytes)
    return hostile.packet(options.command, sequence, body, extra)


def attack(options):
    client = hostile.Client(options, options.patience).login(f"attacker-{os.getpid()}")
    other = hostile.Client(options, options.patience).login(f"other-{os.getpid()}")
    sent = 0
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        for extra in (b"", GROWING_META * 60, hostile.field(6, "d" * 3000)):
            sent += 1
            answer = client.ask(longest(options, sent, extra))
            if answer.get(3) != sent:
                raise hostile.Failed(f"a packet of {options.max_frame} bytes was answered with {answer}")
        answer = other.ask(hostile.packet(options.command, sent, b"short"))
        if answer.get(3) != sent or answer.get(5, hostile.SUCCESS) == 300:
            raise hostile.Failed(f"somebody else's request failed: {answer}")
    # One byte more is that client's end.
    client.send(struct.pack(">BI", hostile.BINARY, options.max_frame + 1) + b"x")
    while client.read_frame() is not None:
        pass
    other.ping()
    return f"{sent} packets of {options.max_frame} bytes"


def add_options(parser):
    parser.add_argument("--command", default="echo.text", help="what is asked for (%(default)s)")
    parser.add_argument("--max-frame", type=int, default=64 * 1024, help="the gateway's MaxFrame (%(default)s)")


hostile.main(attack, add_options, seconds=3)
