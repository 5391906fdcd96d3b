#!/usr/bin/env python3
"""Clients that send pings and read nothing, until they are closed.

What waits for them is bounded in the gateway and in the kernel, and is given back when they are closed, or not long after.
"""

import os
import selectors
import time

import hostile

PINGS = hostile.frame(hostile.basic_ping()) * 300
# MaxUnsentBytes is 128 KiB; a send that has begun below it goes on to its end, which the kernel rounds up.
MOST_UNSENT_BYTES = 256 * 1024
LITTLE_BYTES = 64 * 1024  # of others on the same port, and of what is on its way
GIVEN_BACK_S = 40  # WriteTimeout is 10 s, and the kernel looks for it at its own times


def attack(options):
    clients = [hostile.Client(options, options.patience, receive_bytes=4096).login(f"attacker-{os.getpid()}-{i}")
               for i in range(options.connections)]
    closed, most = 0, 0
    with selectors.DefaultSelector() as ready, hostile.deadline(options.seconds) as time_left:
        for client in clients:
            client.set_blocking(False)
            ready.register(client, selectors.EVENT_WRITE)
        while time_left() and ready.get_map():
            for key, _ in ready.select(0.1):
                try:
                    key.fileobj.send_some(PINGS)
                except (BrokenPipeError, ConnectionResetError):
                    ready.unregister(key.fileobj)
                    closed += 1
            most = max(most, hostile.unsent_bytes(options.port))
    if most > MOST_UNSENT_BYTES * options.connections:
        raise hostile.Failed(f"{most} bytes wait in the kernel for {options.connections} clients")
    began = time.monotonic()
    while (left := hostile.unsent_bytes(options.port)) > LITTLE_BYTES:
        if time.monotonic() > began + GIVEN_BACK_S:
            raise hostile.Failed(f"{left} bytes still wait in the kernel for clients that read nothing")
        time.sleep(0.2)
    for client in clients:
        client.close()
    return (f"{options.connections} clients that read nothing, {closed} of them closed in {options.seconds:.0f} s, "
            f"{most // options.connections // 1024} KiB in the kernel at most for each, none "
            f"{time.monotonic() - began:.0f} s later")


hostile.main(attack, seconds=5)
