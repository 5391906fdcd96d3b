#!/usr/bin/env python3
"""A service that pushes as fast as its links take it, small packets, each to a channel or to a few, to channels of all shards.

It needs a gateway with service.py behind it, which `run.py` starts. What others see is the verdict: a link has no more of a
turn than its share.
"""

import hostile
import receivers


def once(options):
    """What links and receivers take when they are first used."""
    with receivers.Receivers(options) as clients:
        clients.flood(options.bytes, 0.5, options.receivers)


def attack(options):
    with receivers.Receivers(options) as clients:
        got = clients.flood(options.bytes, options.seconds, options.receivers)
    if got == 0:
        raise hostile.Failed("nothing was pushed")
    return (f"{got // 1024} KiB of pushes of {options.bytes} bytes to {options.connections} channels, {clients.ended} of them "
            "closed")


def add_options(parser):
    parser.add_argument("--bytes", type=int, default=64, help="of a push (%(default)s)")
    parser.add_argument("--receivers", type=int, default=1, help="of a push (%(default)s)")


hostile.main(attack, add_options, before=once, connections=200, seconds=3)
