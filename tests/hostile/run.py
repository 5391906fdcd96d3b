#!/usr/bin/env python3
"""Starts a gateway on free ports and runs one attack against it: run.py RINGGATE SCRIPT [OPTION...].

That is `ringgate dev`, or where an attack needs more a gateway with its chat and service.py behind it.
Ends with the attack's exit code, or with 1 when the gateway did not end properly afterwards.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

from bystander import have_own_machine

HERE = pathlib.Path(__file__).resolve().parent
START_LIMIT_S = 30
STOP_LIMIT_S = 30
# How many files the gateway may have open, which is how many places it has: of scripts that fill it.
FILES = {"silent_connections": 512}
FREE_PORTS = ("--tcp", "127.0.0.1:0", "--ws", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", "memory")
# The gateway's keys, of scripts that need more than `ringgate dev`.
KEYS = {"many_pushes": {}, "service_flood": {}, "large_answers": {}, "same_account": {"LoginsPerAccount": 5}}
SECRET = "what-only-these-tests-sign-with-0123456789"


def read_until(process, patterns):
    """What stands in the first group of each, from what it prints."""
    found, seen = {}, b""
    end = time.monotonic() + START_LIMIT_S
    while len(found) < len(patterns):
        line = process.stdout.readline()
        if not line or time.monotonic() > end:
            raise RuntimeError(f"it did not start: {seen!r}")
        seen += line
        for name, pattern in patterns.items():
            if match := re.search(pattern, line):
                found[name] = match[1].decode()
    return found


def read_ports(gateway):
    """The ports for clients and for the monitor, from what it prints."""
    return read_until(gateway, {"--port": rb"listening tcp \S+:(\d+)", "--ws-port": rb"listening ws \S+:(\d+)",
                                "--http-port": rb"monitor http://\S+:(\d+)"})


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def stop(process):
    """The exit code after SIGTERM."""
    process.send_signal(signal.SIGTERM)
    return process.wait(STOP_LIMIT_S)


def give_machines(pid):
    """What production gives the threads of a process. Each shard of a gateway has a CPU, as with PinShards, which `ringgate
    dev` has not: the scheduler leaves two of them on one CPU for long where all that runs on the other is what stands aside.
    A chat has a machine of its own."""
    cpus = sorted(os.sched_getaffinity(pid))
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text(encoding="utf-8").strip()
        if shard := re.fullmatch(r"gateway(\d+)", name):
            os.sched_setaffinity(int(task.name), {cpus[int(shard[1]) % len(cpus)]})
        elif re.fullmatch(r"chat\d+|message-store", name):
            have_own_machine(int(task.name))


class Target:
    """The processes of an attack. The first one is the gateway."""

    def __init__(self, binary, attack, stderr, ends, measured):
        self._binary, self._stderr, self._ends, self._measured = binary, stderr, ends, measured
        if attack in KEYS:
            self._start_fleet(KEYS[attack])
        else:
            files = FILES.get(attack)
            limited = ["prlimit", f"--nofile={files}"] if files else []
            self.gateway = self._start([*limited, binary, "dev", *FREE_PORTS, *(["--shards", "1"] if files else [])])
            self.options = read_ports(self.gateway)
        if measured:
            give_machines(self.gateway.pid)

    def _start(self, command):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._stderr)
        self._ends.callback(process.wait)
        self._ends.callback(process.kill)
        return process

    def _serve(self, folder, role, keys):
        keys = {"RegistryFile": folder / "services.json", "AdultAfter": "0s", "RedialMin": "5ms", "RedialMax": "20ms",
                "MonitorAddress": "127.0.0.1", "MonitorPort": free_port(), "ServiceID": f"hostile-{role}", **keys}
        file = folder / f"{role}.yaml"
        file.write_text("".join(f"{key}: {value}\n" for key, value in keys.items()), encoding="utf-8")
        return self._start([self._binary, role, "-c", file])

    def _start_fleet(self, keys):
        folder = pathlib.Path(self._ends.enter_context(tempfile.TemporaryDirectory()))
        service = self._start([sys.executable, "-B", HERE / "service.py",
                               *(["--stand-aside"] if self._measured else [])])
        port = int(read_until(service, {"port": rb"^(\d+)\n"})["port"])
        (folder / "services.json").write_text(json.dumps({"services": [
            {"id": "flood", "name": "flood", "address": "127.0.0.1", "port": port, "meta": {"lanes": "1"}}]}),
            encoding="utf-8")
        chat = self._serve(folder, "chat", {"MemorySessions": "true", "MessageStore": "memory", "Shards": 1,
                                            "PinShards": "false", "Listen": "127.0.0.1:0"})
        read_until(chat, {"port": rb"listening tcp \S+:(\d+)"})
        if self._measured:
            give_machines(chat.pid)
        self.gateway = self._serve(folder, "gateway", {
            "Listen": '["127.0.0.1:0", "ws://127.0.0.1:0/"]', "AppSecret": SECRET, "Shards": 2,
            "Routes": "{login: chat, flood: flood}", **keys})
        self.options = read_ports(self.gateway) | {"--secret": SECRET}
        read_until(service, {"link": rb"(a link)"})


def main():
    binary, script, *options = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended, too
    attack = pathlib.Path(script).stem
    log = pathlib.Path(f"{attack}.{os.getpid()}.log")
    with log.open("wb") as stderr, contextlib.ExitStack() as ends:
        target = Target(binary, attack, stderr, ends, measured="--report" in options)
        known = [part for option in target.options.items() for part in option]
        done = subprocess.run([sys.executable, "-B", script, *known, "--pid", str(target.gateway.pid), *options],
                              check=False)
        code = stop(target.gateway)
    print(log.read_text(errors="replace")[-4000:])
    log.unlink()
    if code != 0:
        print(f"FAILED: the gateway ended with {code} after SIGTERM")
    return done.returncode or int(code != 0)


if __name__ == "__main__":
    sys.exit(main())
