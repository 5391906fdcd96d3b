#!/usr/bin/env python3
"""Clients that fight for one account: each logs in again at once when it is closed, and so kicks out another one.

Half of the time so many clients do it, then one that is written badly: each end of a connection begins another login without
ending those that are under way. With LoginsPerAccount few of the logins come through, and nobody is kicked out by the others.
`run.py` starts a gateway with it.
"""

import os
import selectors
import time

import hostile

ASKED_IN_S = 10  # LoginsPerAccount is of so many seconds


class Fight:
    def __init__(self, options):
        self._options = options
        self._request = hostile.frame(hostile.packet("login.signin", 1, hostile.field(
            1, hostile.token(f"wanted-{os.getpid()}", secret=options.secret))))
        self._ready = selectors.EpollSelector()
        self.asked, self.answered, self.most = 0, {}, 0

    def ask(self):
        client = hostile.Client(self._options, self._options.patience)
        client.send(self._request)
        self.asked += 1
        self._ready.register(client, selectors.EVENT_READ)
        self.most = max(self.most, len(self._ready.get_map()))

    def turn(self, once_more, most):
        """Who is closed asks again, `once_more` times, as long as there are not more than `most`."""
        for key, _ in self._ready.select(0.1):
            received = key.fileobj.read_frame()
            if received is not None:
                if received[0] == hostile.BINARY:
                    self._note(received[1])
                continue
            self._ready.unregister(key.fileobj)
            key.fileobj.close()
            for _ in range(once_more):
                if len(self._ready.get_map()) < most:
                    self.ask()

    def _note(self, payload):
        head = dict(hostile.fields(payload[8:8 + int.from_bytes(payload[4:8], "big")]))
        what = "kicked out" if head.get(4) == 2 else head.get(5, hostile.SUCCESS)
        self.answered[what] = self.answered.get(what, 0) + 1

    def close(self):
        for key in list(self._ready.get_map().values()):
            key.fileobj.close()


def attack(options):
    fight, began = Fight(options), time.monotonic()
    for _ in range(options.connections):
        fight.ask()
    for once_more in (1, 2):
        with hostile.deadline(options.seconds / 2) as time_left:
            while time_left():
                fight.turn(once_more, options.connections)
    seconds = time.monotonic() - began
    fight.close()
    came = fight.answered.get(hostile.SUCCESS, 0)
    # On each shard so many at once, and then one whenever its part of the time is over.
    most = options.shards * (options.logins + seconds * options.logins / ASKED_IN_S + 1)
    if came == 0 or came > most:
        raise hostile.Failed(f"{came} logins of {fight.asked} came through in {seconds:.1f} s: {fight.answered}")
    return (f"{fight.asked} logins of {options.connections} clients for one account, {came} came through, "
            f"{fight.answered.get('kicked out', 0)} were kicked out, {fight.most} connections at most")


def add_options(parser):
    parser.add_argument("--logins", type=int, default=5, help="the gateway's LoginsPerAccount (%(default)s)")
    parser.add_argument("--shards", type=int, default=2, help="the gateway's Shards (%(default)s)")


def as_many(options):
    """The attack is of very many connections, one after the other."""
    hostile.come_once(options)
    hostile.come_one_by_one(options, 10_000)


hostile.main(attack, add_options, before=as_many, connections=64, seconds=4)
