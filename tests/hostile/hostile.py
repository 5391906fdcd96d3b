"""What the attacks share: options, those who are not the attacker, and the verdict."""

import argparse
import contextlib
import json
import os
import pathlib
import socket
import sys
import time

from bystander import Bystander, logins, p99_ms, pings, resident_kib, stand_aside
from wire import (BASIC, BINARY, CLOSE, DEVELOPMENT_SECRET, LOGIC, SUCCESS, UNAVAILABLE, Client, Failed, basic_ping, field,
                  fields, frame, packet, token, varint)

MOST_SECONDS, MOST_CONNECTIONS = 120, 20_000
BACK_WITHIN_S = 60  # the time in which memory comes back
MOST_LEFT = 1.1  # of what there was before


def http(options, request, patience_s=None):
    """The answer of the monitor or admin port to these bytes, whole: (status, head and body)."""
    patience_s = patience_s or options.patience
    with socket.create_connection((options.host, options.http_port), timeout=patience_s) as link:
        link.sendall(request)
        answer = b""
        while part := link.recv(65536):
            answer += part
    if not answer.startswith(b"HTTP/1."):
        raise Failed(f"no HTTP answer but {answer[:80]!r}")
    return int(answer.split(b" ", 2)[1]), answer


def health(options, patience_s=None):
    """Seconds that GET /health took. Raises when it is not 200."""
    began = time.monotonic()
    status, answer = http(options, b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                          patience_s)
    if status != 200:
        raise Failed(f"/health said {answer[-200:]!r}")
    return time.monotonic() - began


# --- A script ------------------------------------------------------------------------------------


def read_options(description, add_options, defaults):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--host", default="127.0.0.1", help="the gateway (%(default)s)")
    parser.add_argument("--port", type=int, default=8001, help="where clients connect by TCP (%(default)s)")
    parser.add_argument("--http-port", type=int, default=8080, help="the monitor's port (%(default)s)")
    parser.add_argument("--ws-port", type=int, default=8000, help="where clients connect by WebSocket (%(default)s)")
    parser.add_argument("--secret", default=DEVELOPMENT_SECRET,
                        help="what tokens are signed with (that of `ringgate dev`)")
    parser.add_argument("--pid", type=int, default=0, help="the gateway's process, to look at its memory")
    parser.add_argument("--seconds", type=float, default=5, help=f"how long, at most {MOST_SECONDS} (%(default)s)")
    parser.add_argument("--connections", type=int, default=100, help=f"at most {MOST_CONNECTIONS} (%(default)s)")
    parser.add_argument("--patience", type=float, default=10,
                        help="seconds after which an answer has not come (%(default)s)")
    parser.add_argument("--back-within", type=float, default=BACK_WITHIN_S,
                        help="seconds after which memory is what it was before, but for a tenth (%(default)s)")
    parser.add_argument("--report", metavar="FILE",
                        help="measure first as long without the attack, and append a line of JSON")
    if add_options:
        add_options(parser)
    parser.set_defaults(**defaults)
    options = parser.parse_args()
    if not 0 < options.seconds <= MOST_SECONDS:
        parser.error(f"--seconds is above 0 and at most {MOST_SECONDS}")
    if not 0 < options.connections <= MOST_CONNECTIONS:
        parser.error(f"--connections is 1 to {MOST_CONNECTIONS}")
    return options


def unsent_bytes(port):
    """What the kernel holds for clients of that port of this machine that have not taken it, the closed ones too."""
    total = 0
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table, encoding="ascii") as rows:
            for row in list(rows)[1:]:
                columns = row.split()
                if int(columns[1].rpartition(":")[2], 16) == port and columns[3] != "0A":  # listening
                    total += int(columns[4].partition(":")[0], 16)
    return total


@contextlib.contextmanager
def deadline(seconds):
    """Yields a function that says whether there is time left."""
    end = time.monotonic() + seconds
    yield lambda: time.monotonic() < end


def come_once(options, log_in=True):
    """As many clients as the attack has, at the same time, that do nothing: places of tables are taken when they are first
    used, and stay."""
    clients = []
    with contextlib.suppress(Failed, OSError):  # where there is no room for more
        for number in range(options.connections):
            clients.append(Client(options, options.patience))
            if log_in:
                clients[-1].login(f"attacker-{os.getpid()}-{number}")
    for client in clients:
        client.close()


def come_one_by_one(options, times):
    """So many clients, each of which goes at once: a gateway remembers its last ten thousand closes, whoever they were."""
    for _ in range(times):
        Client(options, options.patience).close()


def rest(options, kib_before):
    """What memory is left once it is as little as before, and how long that took. Raises Failed where it does not come
    back."""
    began = time.monotonic()
    while (left := resident_kib(options.pid) if options.pid else 0) > kib_before * MOST_LEFT:
        if time.monotonic() - began > options.back_within:
            raise Failed(f"{left} KiB are left {options.back_within:.0f} s after the attack, and {kib_before} KiB were "
                         "there before")
        time.sleep(0.2)
    return {"kib_after": left, "rest_s": time.monotonic() - began}


class Others:
    """Who is not the attacker: one that pings, and one that comes anew each time."""

    def __init__(self, options):
        # As often as makes a percentile of them more than the one that took longest.
        self._seen = {"pings": Bystander(options, "pings", pings, 0.01),
                      "logins": Bystander(options, "logins", logins, 0.02)}

    def look(self, when):
        """Of the time since the last look."""
        return self._row(when, {name: one.look() for name, one in self._seen.items()})

    def stop(self, when):
        return self._row(when, {name: one.stop() for name, one in self._seen.items()})

    @staticmethod
    def _row(when, seen):
        return {f"{name}_{when}_ms": p99_ms(one["times_s"]) for name, one in seen.items()} | {
            f"kib_{when}": max(one["most_kib"] for one in seen.values()),
            "pings": len(seen["pings"]["times_s"]), "logins": len(seen["logins"]["times_s"])}


def run_beside(attack, options, before):
    """The row of an attack."""
    others = Others(options)
    if options.report:
        stand_aside()
    before(options)
    row = {"kib_before": resident_kib(options.pid) if options.pid else 0}
    if options.report:
        others.look("before")
        time.sleep(options.seconds)
        row |= others.look("without")
    done = attack(options)
    row |= others.stop("with")
    Client(options, options.patience).login(f"late-{os.getpid()}").close()
    return row | rest(options, row["kib_before"]) | {"done": done}


def main(attack, add_options=None, before=come_once, **defaults):
    """Runs `attack(options)` beside Others. It returns a sentence about what was done, or raises Failed. Memory is what it
    was after `before(options)`."""
    options = read_options(sys.modules["__main__"].__doc__, add_options, defaults)
    try:
        row = run_beside(attack, options, before)
    except (Failed, OSError) as error:
        print(f"FAILED: {error}")
        sys.exit(1)
    print(f"survived: {row['done']}; of somebody else {row['pings']} pings, p99 {row['pings_with_ms']:.1f} ms, and "
          f"{row['logins']} logins, p99 {row['logins_with_ms']:.1f} ms; {row['kib_before']} KiB before, "
          f"{row['kib_with']} KiB at most, {row['kib_after']} KiB {row['rest_s']:.0f} s later")
    if options.report:
        row["attack"] = pathlib.Path(sys.argv[0]).stem
        with open(options.report, "a", encoding="utf-8") as report:
            report.write(json.dumps(row) + "\n")
