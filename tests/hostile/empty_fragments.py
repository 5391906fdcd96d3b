#!/usr/bin/env python3
"""WebSocket clients whose messages are made of very many empty fragments, and who read every answer.

Such a fragment is six bytes long and says nothing. A message of them is allowed; others do not wait for its end.
"""

import os
import selectors

import hostile

FIN, CONTINUATION, BINARY, MASKED = 0x80, 0, 2, 0x80
NO_MASK = b"\x00\x00\x00\x00"


def fragment(opcode, payload=b""):
    return bytes([opcode, MASKED | len(payload)]) + NO_MASK + payload


class WsClient(hostile.Client):
    def __init__(self, options):
        super().__init__(options, options.patience, port=options.ws_port)
        self.send(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                  b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
        head = self.read_until(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101"):
            raise hostile.Failed(f"no upgrade but {head!r}")

    def log_in(self, account):
        request = hostile.packet("login.signin", 1, hostile.field(
            1, hostile.token(account, secret=self._options.secret)))
        self.send(bytes([FIN | BINARY, MASKED | 126]) + len(request).to_bytes(2, "big") + NO_MASK + request)
        if account.encode() not in self.read_until(account.encode()):  # of the LoginResp
            raise hostile.Failed(f"{account} could not log in")
        return self


def attack(options):
    message = (fragment(BINARY) + fragment(CONTINUATION) * (options.fragments - 2)
               + fragment(FIN | CONTINUATION, hostile.basic_ping()))
    clients = [WsClient(options).log_in(f"attacker-{os.getpid()}-{i}") for i in range(options.connections)]
    left = {client: memoryview(message) for client in clients}
    sent = received = 0
    with selectors.DefaultSelector() as ready, hostile.deadline(options.seconds) as time_left:
        for client in clients:
            client.set_blocking(False)
            ready.register(client, selectors.EVENT_READ | selectors.EVENT_WRITE)
        while time_left():
            for key, events in ready.select(0.1):
                client = key.fileobj
                if events & selectors.EVENT_READ:
                    received += client.drain()
                if events & selectors.EVENT_WRITE:
                    taken = client.send_some(left[client])
                    sent += taken
                    left[client] = left[client][taken:] or memoryview(message)
    if received == 0:
        raise hostile.Failed("no pong came at all")
    for client in clients:
        client.close()
    return f"{sent // len(fragment(0))} empty fragments of {options.connections} clients"


def add_options(parser):
    parser.add_argument("--fragments", type=int, default=1000, help="of a message (%(default)s)")


hostile.main(attack, add_options, seconds=3)
