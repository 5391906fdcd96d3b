#!/usr/bin/env python3
"""Connections that say nothing, as many as the gateway has places, and a new one for each that is closed.

Others have to be able to come in and log in all the while.
"""

import os
import time

import hostile


def attack(options):
    silent, logins, slowest_s = [], 0, 0.0
    with hostile.deadline(options.seconds) as time_left:
        while time_left():
            for _ in range(48):
                silent.append(hostile.Client(options, options.patience))
            if len(silent) > options.connections:
                for one in silent[:48]:
                    one.close()
                del silent[:48]
            began = time.monotonic()
            hostile.Client(options, options.patience).login(f"newcomer-{os.getpid()}-{logins}").close()
            slowest_s = max(slowest_s, time.monotonic() - began)
            logins += 1
    for one in silent:
        one.close()
    return f"{logins} logins beside {options.connections} silent connections, the slowest in {slowest_s * 1000:.0f} ms"


# Who has not logged in makes room, who has does not.
hostile.main(attack, before=lambda options: hostile.come_once(options, log_in=False), connections=2000, seconds=5)
