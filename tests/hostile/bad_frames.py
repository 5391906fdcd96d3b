#!/usr/bin/env python3
"""Sends bytes that are no frame, frames whose length is not true, and packets that make no sense.

Each has to cost its own connection at most: it is closed, with an answer or without.
"""

import socket
import struct

import hostile

BAD = {
    "no frame": b"\xff" * 64,
    "a frame of 4 GiB": struct.pack(">BI", hostile.BINARY, 0xFFFFFFFF) + b"x",
    "an unknown opcode": hostile.frame(b"hello", opcode=5),
    "text": hostile.frame(b"hello", opcode=1),
    "an empty packet": hostile.frame(b""),
    "wrong magic": hostile.frame(b"\x00" * 16),
    "a header longer than its packet": hostile.frame(hostile.LOGIC + struct.pack(">I", 1 << 31)),
    "a header that is no protobuf": hostile.frame(
        hostile.LOGIC + struct.pack(">I", 4) + b"\xff\xff\xff\xff" + struct.pack(">I", 0)),
    "a body longer than its packet": hostile.frame(
        hostile.packet("login.signin", 1)[:-4] + struct.pack(">I", 1 << 31)),
    "a login without a token": hostile.frame(hostile.packet("login.signin", 1)),
    "a login that is no protobuf": hostile.frame(hostile.packet("login.signin", 1, b"\xff" * 40)),
    "an unknown command": hostile.frame(hostile.packet("\x00\x01", 1)),
}


def attack(options):
    times = max(1, options.connections // len(BAD))
    for name, data in BAD.items():
        for _ in range(times):
            client = hostile.Client(options, options.patience)
            client.send(data)
            try:
                while client.read_frame() is not None:
                    pass
            except socket.timeout:
                raise hostile.Failed(f"a connection that sent {name} stayed open") from None
            client.close()
    return f"{times} times each of {len(BAD)} bad beginnings"


hostile.main(attack, connections=240, patience=20)
