#!/usr/bin/env python3
"""Starts the command that is given with a stderr that is full and that nobody empties, and makes it log.

For example: stalled_stderr.py ringgate dev --tcp 127.0.0.1:0 --admin 127.0.0.1:0. It has to say its ports on stdout, as
ringgate does. Logins that are not UTF-8 are sent, which libprotobuf complains about on stderr; others' pings have to be
answered and /health be 200 all the same, and SIGTERM has to end it with 0.
"""

import fcntl
import os
import signal
import subprocess
import sys

import hostile
import run

# In a login's body, and in a header.
NOT_UTF8 = (hostile.packet("login.signin", 1, hostile.field(1, b"\xff" * 40)),
            hostile.packet("login.signin", 1, extra=hostile.field(6, b"\xff" * 40)))


def full_pipe():
    """Its two ends. The reader has to be kept open."""
    reader, writer = os.pipe()
    room = fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.write(writer, b"." * room)
    return reader, writer


def attack(options):
    for number in range(options.connections):
        client = hostile.Client(options, options.patience)
        client.send(hostile.frame(NOT_UTF8[number % 2]))
        while client.read_frame() is not None:
            pass
        client.close()
    hostile.health(options)


def run_against(server, options):
    ports = run.read_ports(server)
    options.port, options.http_port = int(ports["--port"]), int(ports["--http-port"])
    others = hostile.Others(options)
    attack(options)
    seen = others.stop("with")
    server.send_signal(signal.SIGTERM)
    code = server.wait(run.STOP_LIMIT_S)
    if code != 0:
        raise hostile.Failed(f"it ended with {code} after SIGTERM")
    return seen


def main():
    options = hostile.read_options(
        __doc__, lambda parser: parser.add_argument("command", nargs="+", help="what to start"),
        {"connections": 400})
    reader, writer = full_pipe()
    with subprocess.Popen(options.command, stdout=subprocess.PIPE, stderr=writer) as server:
        os.close(writer)
        try:
            seen = run_against(server, options)
        except (hostile.Failed, OSError, RuntimeError, subprocess.TimeoutExpired) as error:
            print(f"FAILED: {error}")
            sys.exit(1)
        finally:
            server.kill()
            os.close(reader)
    print(f"survived: {options.connections} logins that are not UTF-8; {seen['pings']} pings of somebody else, p99 "
          f"{seen['pings_with_ms']:.1f} ms")


main()
