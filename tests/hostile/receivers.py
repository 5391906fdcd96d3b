"""Clients that have joined what service.py pushes, and read it: what they get is counted and thrown away."""

import json
import os
import select

import hostile

MOST_AT_ONCE = 1 << 20
AT_A_TIME = 100  # log in
# In one call. Not every kernel is preempted within one, and a call for thousands would hold a CPU of the gateway for
# milliseconds.
READY_AT_A_TIME = 64


class Receivers:
    """So many, and one that tells the service what to push."""

    def __init__(self, options):
        self._buffer = bytearray(MOST_AT_ONCE)
        self._ready = select.epoll()
        self._clients = {}  # by descriptor
        self._controller = hostile.Client(options, options.patience).login(f"controller-{os.getpid()}")
        self._patience_s = options.patience
        self.ended = 0  # of them, how many the gateway has closed
        for first in range(0, options.connections, AT_A_TIME):
            self._join(options, range(first, min(first + AT_A_TIME, options.connections)))

    def _join(self, options, numbers):
        clients = [hostile.Client(options, options.patience) for _ in numbers]
        for client, number in zip(clients, numbers):
            account = hostile.token(f"attacker-{os.getpid()}-{number}", secret=options.secret)
            client.send(hostile.frame(hostile.packet("login.signin", 1, hostile.field(1, account))) +
                        hostile.frame(hostile.packet("flood.join", 2)))
        for client in clients:
            if client.read_frame() is None or client.read_frame() is None:
                raise hostile.Failed("a receiver could not log in")
            client.set_blocking(False)
            self._ready.register(client.fileno(), select.EPOLLIN)
            self._clients[client.fileno()] = client

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._controller.ask(hostile.packet("flood.leave", 1))
        self._controller.close()
        self._ready.close()
        for client in self._clients.values():
            client.close()

    def ask_for(self, **push):
        self._controller.ask(hostile.packet("flood.push", 1, json.dumps(push).encode()))

    def push(self, size):
        """To all of them, until all of them have it."""
        self.ask_for(bytes=size)
        due = size * len(self._clients)
        with hostile.deadline(self._patience_s * 6) as time_left:
            while due > 0:
                due -= self.drain(0.5)
                if self.ended:
                    raise hostile.Failed(f"{self.ended} clients that read were closed")
                if not time_left():
                    raise hostile.Failed(f"{due} bytes of a push of {size} have not come")

    def flood(self, size, seconds, receivers=1):
        """How many bytes came meanwhile."""
        got = 0
        self.ask_for(bytes=size, seconds=seconds, receivers=receivers)
        with hostile.deadline(seconds) as time_left:
            while time_left():
                got += self.drain(0.1)
        return got

    def drain(self, timeout_s):
        """How many bytes there were for all of them."""
        total = 0
        for descriptor, _ in self._ready.poll(timeout_s, READY_AT_A_TIME):
            try:
                got = self._clients[descriptor].skip(self._buffer)
            except ConnectionResetError:
                got = 0
            total += got
            if got == 0:
                self._ready.unregister(descriptor)
                self._clients.pop(descriptor).close()
                self.ended += 1
        return total
