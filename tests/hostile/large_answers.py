#!/usr/bin/env python3
"""Clients that ask for long answers, read none of them, and go.

It needs a gateway with service.py behind it, which `run.py` starts. Answers of these lengths have memory of their own in the
gateway: they are longer than what its pool is made of.
"""

import json
import os
import time

import hostile

ANSWERS = [300_000] * 8 + [2_000_000]


def ask(number, size):
    return hostile.frame(hostile.packet("flood.answer", number, json.dumps({"bytes": size}).encode()))


def attack(options):
    clients = [hostile.Client(options, options.patience, receive_bytes=4096).login(f"attacker-{os.getpid()}-{i}")
               for i in range(options.connections)]
    asked = b"".join(ask(number, size) for number, size in enumerate(ANSWERS, 2))
    for client in clients:
        client.send(asked)
    with hostile.deadline(options.seconds) as time_left:
        while time_left():
            time.sleep(0.1)
    for client in clients:
        client.close()
    return (f"{options.connections} clients that asked for {sum(ANSWERS) // 1000} KB each, in answers of up to "
            f"{max(ANSWERS) // 1000} KB, and read nothing")


hostile.main(attack, connections=40, seconds=5)
