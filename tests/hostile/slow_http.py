#!/usr/bin/env python3
"""Opens connections to the monitor port and sends a byte of a request now and then, on and on.

Half of them are silent readers instead: they ask for /metrics and take nothing of the answer. Probes in between have to
be answered.
"""

import socket

import hostile


def connect(options):
    link = socket.create_connection((options.host, options.http_port), timeout=options.patience)
    link.setblocking(False)
    return link


def drip(link):
    """False: the target has ended the connection."""
    try:
        return link.send(b"x") > 0
    except BlockingIOError:
        return True
    except OSError:
        return False


def attack(options):
    links = []
    slowest_s = ended = probes = 0
    with hostile.deadline(options.seconds) as time_left:
        while time_left():
            while len(links) < options.connections:
                link = connect(options)
                if len(links) % 2 == 0:
                    link.send(b"GET /health HTTP/1.1\r\nX: ")
                else:
                    link.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
                links.append(link)
            for at, link in enumerate(links):
                if at % 2 == 0 and not drip(link):
                    ended += 1
                    link.close()
                    links[at] = connect(options)
                    links[at].send(b"GET /health HTTP/1.1\r\nX: ")
            slowest_s = max(slowest_s, hostile.health(options))
            probes += 1
    for link in links:
        link.close()
    return (f"{options.connections} slow connections, {ended} of them ended meanwhile; {probes} probes, "
            f"the slowest took {slowest_s * 1000:.1f} ms")


hostile.main(attack, connections=400)
