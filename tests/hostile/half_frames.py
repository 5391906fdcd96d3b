#!/usr/bin/env python3
"""Clients that have not logged in, each with nearly all of a long frame, and then gone at once.

What their halves took, some six times what the gateway had before, is the system's again within a minute.
"""

import hostile


def half_of(frame_bytes):
    """All but the last bytes of a frame."""
    return hostile.frame(b"\xff" * frame_bytes)[:-100]


def fill(options, bytes_of_each):
    """So many clients, at the same time; then none of them."""
    clients = [hostile.Client(options, options.patience) for _ in range(options.connections)]
    half = half_of(bytes_of_each)
    for client in clients:
        client.send(half)
    hostile.health(options)
    for client in clients:
        client.close()


def attack(options):
    with hostile.deadline(options.seconds) as time_left:
        rounds = 0
        while rounds == 0 or time_left():
            for frame_bytes in options.frames:
                fill(options, frame_bytes)
            rounds += 1
    return f"{rounds} times {options.connections} clients with halves of {options.frames} bytes"


def add_options(parser):
    parser.add_argument("--frames", type=int, nargs="+", default=[60_000, 6_000, 600],
                        help="bytes of the frames, one kind after the other (%(default)s)")


def as_many(options):
    """As many clients, whose halves are short, and as many closes as are remembered."""
    for _ in options.frames:
        fill(options, 200)
    hostile.come_one_by_one(options, 10_000)


hostile.main(attack, add_options, before=as_many, connections=2000, seconds=1)
