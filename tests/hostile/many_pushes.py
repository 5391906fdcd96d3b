#!/usr/bin/env python3
"""A service that pushes to very many channels at once, and again as soon as all of them have it.

It needs a gateway with service.py behind it, which `run.py` starts. Nothing is lost meanwhile.
"""

import hostile
import receivers


def once(options):
    """What links and receivers take when they are first used."""
    with receivers.Receivers(options) as clients:
        clients.push(options.bytes[0])


def attack(options):
    pushed = {size: 0 for size in options.bytes}
    with receivers.Receivers(options) as clients:
        for size in options.bytes:
            with hostile.deadline(options.seconds / len(options.bytes)) as time_left:
                while pushed[size] == 0 or time_left():
                    clients.push(size)
                    pushed[size] += 1
    what = ", ".join(f"{times} of {size} bytes" for size, times in pushed.items())
    return f"pushes to {options.connections} channels: {what}"


def add_options(parser):
    parser.add_argument("--bytes", type=int, nargs="+", default=[1000, 20_000, 200_000],
                        help="of the pushes, one kind after the other (%(default)s)")


hostile.main(attack, add_options, before=once, connections=1000, seconds=3)
