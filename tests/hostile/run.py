#!/usr/bin/env python3
"""Starts `ringgate dev` on free ports and runs one attack against it: run.py RINGGATE SCRIPT [OPTION...].

Ends with the attack's exit code, or with 1 when the gateway did not end properly afterwards.
"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

START_LIMIT_S = 30
STOP_LIMIT_S = 30
# How many files the gateway may have open, which is how many places it has: of scripts that fill it.
FILES = {"silent_connections": 512}
FREE_PORTS = ("--tcp", "127.0.0.1:0", "--ws", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", "memory")


def read_ports(gateway):
    """The ports for clients and for the monitor, from what it prints."""
    patterns = {"--port": rb"listening tcp \S+:(\d+)", "--http-port": rb"monitor http://\S+:(\d+)"}
    ports, seen = {}, b""
    end = time.monotonic() + START_LIMIT_S
    while len(ports) < len(patterns):
        line = gateway.stdout.readline()
        if not line or time.monotonic() > end:
            raise RuntimeError(f"the gateway did not start: {seen!r}")
        seen += line
        for option, pattern in patterns.items():
            if found := re.search(pattern, line):
                ports[option] = found[1].decode()
    return ports


def stop(gateway):
    """The exit code after SIGTERM."""
    gateway.send_signal(signal.SIGTERM)
    return gateway.wait(STOP_LIMIT_S)


def main():
    binary, script, *options = sys.argv[1:]
    log = pathlib.Path(f"{pathlib.Path(script).stem}.{os.getpid()}.log")
    with log.open("wb") as stderr:
        files = FILES.get(pathlib.Path(script).stem)
        limited = ["prlimit", f"--nofile={files}"] if files else []
        shards = ["--shards", "1"] if files else []
        gateway = subprocess.Popen([*limited, binary, "dev", *FREE_PORTS, *shards], stdout=subprocess.PIPE,
                                   stderr=stderr)
        try:
            ports = [part for option in read_ports(gateway).items() for part in option]
            attack = subprocess.run([sys.executable, "-B", script, *ports, "--pid", str(gateway.pid), *options],
                                    check=False)
            code = stop(gateway)
        finally:
            gateway.kill()
            gateway.wait()
    print(log.read_text(errors="replace")[-4000:])
    log.unlink()
    if code != 0:
        print(f"FAILED: the gateway ended with {code} after SIGTERM")
    return attack.returncode or int(code != 0)


if __name__ == "__main__":
    sys.exit(main())
