#!/usr/bin/env python3
"""Clients that send pings as fast as they can, and read every pong.

Nothing of it is forbidden: each has a share of the gateway, and nobody else waits for more than that.
"""

import os
import selectors

import hostile

PINGS = hostile.frame(hostile.basic_ping()) * 300


def attack(options):
    clients = [hostile.Client(options, options.patience).login(f"attacker-{os.getpid()}-{i}")
               for i in range(options.connections)]
    sent = received = 0
    with selectors.DefaultSelector() as ready, hostile.deadline(options.seconds) as time_left:
        for client in clients:
            client.set_blocking(False)
            ready.register(client, selectors.EVENT_READ | selectors.EVENT_WRITE)
        while time_left():
            for key, events in ready.select(0.1):
                if events & selectors.EVENT_READ:
                    received += key.fileobj.drain()
                if events & selectors.EVENT_WRITE:
                    sent += key.fileobj.send_some(PINGS)
    if received == 0:
        raise hostile.Failed("no pong came at all")
    for client in clients:
        client.close()
    return f"{sent // 1024} KiB of pings from {options.connections} clients"


hostile.main(attack, seconds=3)
