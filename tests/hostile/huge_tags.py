#!/usr/bin/env python3
"""Logs in with bodies that are as costly as they can be before the token is looked at.

Tens of thousands of empty tags, unknown fields, open groups, metas: each login has to be refused, and to cost the gateway
no more than one with a bad token. With --pid the processor time of one login is told.
"""

import os
import time

import hostile

SIZE = 60_000
INVALID_BODY, UNAUTHORIZED = 101, 105
EMPTY_TAG, UNKNOWN, GROUP, EMPTY_META = b"\x22\x00", b"\x28\x01", b"\x2b", b"\x3a\x00"

BODIES = {
    "a bad token": hostile.field(1, "a.b.c"),
    "empty tags": EMPTY_TAG * (SIZE // 2),
    "empty tags in 8 KiB": EMPTY_TAG * 4000,
    "unknown fields": UNKNOWN * (SIZE // 2),
    "unknown fields in 8 KiB": UNKNOWN * 4000,
    "open groups": GROUP * 8000,
    "long tags": hostile.field(4, b"x" * 4000) * 2,
    "the token again and again": hostile.field(1, "x" * 1000) * 8,
    "no text": hostile.field(2, b"\xff" * 8000),
}


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        user, system = stat.read().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def refuse(options, request):
    """Sends a login and wants it refused, then closed."""
    client = hostile.Client(options, options.patience)
    status = client.ask(request).get(5, hostile.SUCCESS)
    if status not in (INVALID_BODY, UNAUTHORIZED):
        raise hostile.Failed(f"a hostile login was answered {status}")
    while client.read_frame() is not None:
        pass
    client.close()


def attack(options):
    requests = {name: hostile.packet("login.signin", 1, body) for name, body in BODIES.items()}
    # The slow way: a header that is not as everybody writes it, with more metas than there may be.
    spoiled = hostile.packet("login.signin", 1, b"", extra=b"\x48\x01" + EMPTY_META * 1900)
    told, logins = [], 0
    for name, request in requests.items():
        before = cpu_seconds(options.pid) if options.pid else 0
        begun, end = logins, time.monotonic() + options.seconds / len(requests)
        while time.monotonic() < end:
            refuse(options, request)
            logins += 1
        if options.pid:
            used = (cpu_seconds(options.pid) - before) / max(1, logins - begun)
            told.append(f"{name} {used * 1e6:.0f} us")
    for _ in range(options.connections):
        client = hostile.Client(options, options.patience)
        client.send(hostile.frame(spoiled))
        while client.read_frame() is not None:
            pass
        client.close()
    costs = f" (processor time of one: {', '.join(told)})" if told else ""
    return f"{logins} hostile logins were refused{costs}"


hostile.main(attack, seconds=9)
