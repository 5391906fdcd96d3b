#!/usr/bin/env python3
"""A logic service that pushes as much as it is told to: what attacks on a gateway have behind it.

Its commands, for any client: `flood.join`, which has what is pushed from now on; `flood.leave`: nobody has it any more;
`flood.answer`, whose body is JSON: it is answered with so many `bytes`;
`flood.push`, whose body is JSON: a push of so many `bytes` to everybody who has joined; and, with `seconds`, such pushes as
fast as the links take them, each to the next `receivers` of the channels, over all links at once. It prints its port, and
a line for each link.
"""

import argparse
import json
import socket
import struct
import threading
import time

from bystander import stand_aside
from wire import BINARY, CLOSE, field, fields, frame, packet

PING, PONG, PUSH = 9, 10, 2
PIECE_BYTES = 256 * 1024  # of a flood, about
channels = []


def meta(key, value):
    return field(7, field(1, key) + field(2, value) + field(3, 1))


def to_gateway(gateway, command, receivers, body=b"", extra=b""):
    return frame(packet(command, 0, body, extra + meta("dest.server", gateway) +
                        meta("dest.channels", b",".join(receivers))))


def flood(links, size, seconds, receivers):
    end = time.monotonic() + seconds
    groups = [channels[at:at + receivers] for at in range(0, len(channels), receivers)]

    def run(link):
        body, piece, next_one = b"x" * size, b"", 0
        pushes = [to_gateway(link.gateway, "flood.tick", group, body, field(4, PUSH)) for group in groups]
        while time.monotonic() < end:
            piece = b""
            while len(piece) < PIECE_BYTES:
                piece += pushes[next_one % len(pushes)]
                next_one += 1
            link.send(piece)
    for link in links:
        threading.Thread(target=run, args=(link,), daemon=True).start()


class Link:
    def __init__(self, connection, links):
        self._socket, self._lock, self._links = connection, threading.Lock(), links
        self.gateway = b""

    def send(self, data):
        with self._lock:
            self._socket.sendall(data)

    def serve(self):
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._socket.makefile("rb") as stream:
            while len(head := stream.read(5)) == 5:
                opcode, length = struct.unpack(">BI", head)
                payload = stream.read(length)
                if opcode == PING:
                    self.send(frame(payload, PONG))
                elif opcode == CLOSE:
                    break
                elif opcode == BINARY and not self.gateway:
                    self.gateway = next(value for number, value in fields(payload) if number == 1)
                    self._links.append(self)
                    print("a link", flush=True)
                elif opcode == BINARY:
                    self._handle(payload)
        if self in self._links:
            self._links.remove(self)

    def _handle(self, payload):
        length = struct.unpack(">I", payload[4:8])[0]
        header, body = dict(fields(payload[8:8 + length])), payload[12 + length:]
        command, channel = header[1].decode(), header[2]
        if command == "flood.join":
            channels.append(channel)
        elif command == "flood.leave":
            channels.clear()
        answer = b"x" * json.loads(body)["bytes"] if command == "flood.answer" else b""
        self.send(to_gateway(self.gateway, command, [channel], answer,
                             field(2, channel) + field(3, header[3]) + field(4, 1)))
        if command != "flood.push":
            return
        asked = json.loads(body)
        if "seconds" in asked:
            flood(list(self._links), asked["bytes"], asked["seconds"], asked.get("receivers", 1))
        else:
            self.send(to_gateway(self.gateway, "flood.tick", channels, b"x" * asked["bytes"], field(4, PUSH)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stand-aside", action="store_true", help="run only in time that others leave")
    if parser.parse_args().stand_aside:
        stand_aside()
    links = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            threading.Thread(target=Link(server.accept()[0], links).serve, daemon=True).start()


if __name__ == "__main__":
    main()
