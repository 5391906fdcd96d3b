"""Which system calls processes of ours do, as strace sees them: each way of running one that does others."""

import asyncio
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "scripts")]

from chaos.ports import free_port  # noqa: E402  (found by the line above)
from chaos.stores import Postgres, Redis, postgres_programs  # noqa: E402,F401

SECRET = "0123456789abcdef0123456789abcdef"


def wait_until_ready(monitor):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{monitor}/ready", timeout=5):
            return
        time.sleep(0.05)
    raise AssertionError(f"what has the monitor port {monitor} is never ready")


class Traced:
    """A process of ours under strace, which is beside it: what is signalled is the process itself."""

    def __init__(self, ringgate, trace, *words, ring=None):
        environment = dict(os.environ, **({"RINGGATE_RING": ring} if ring else {}))
        self.trace = trace
        argv = ["strace", "-D", "-f", "-qq", "-o", trace, ringgate, *words]
        self.process = subprocess.Popen([str(word) for word in argv], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, env=environment)

    def line(self, pattern):
        for line in self.process.stdout:
            if found := re.match(pattern, line):
                return found.group(1)
        raise AssertionError(f"{self.process.args} has ended and said nothing of {pattern}")

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self):
        """What it did, once all of it is written."""
        self.process.stdout.read()
        if self.process.wait() != 0:
            raise AssertionError(f"{self.process.args} ended with {self.process.returncode}")
        return set(re.findall(r"^\d+ +(\w+)\(", self.trace.read_text(), re.M))


class World:
    def __init__(self, ringgate, folder):
        self.ringgate, self.folder, self.all = ringgate, folder, []

    def traced(self, name, *words, **options):
        self.all.append(Traced(self.ringgate, self.folder / f"{name}.trace", *words, **options))
        return self.all[-1]

    def kill(self):
        """Those that a failure has left."""
        for one in self.all:
            if one.process.poll() is None:
                one.process.kill()
                one.process.wait()

    def config(self, service_id, *lines):
        file = self.folder / f"{service_id}.yaml"
        file.write_text("\n".join([f"ServiceID: {service_id}", f"RegistryFile: {self.folder}/services.json",
                                   f"AppSecret: {SECRET}", "Shards: 1", "DrainTime: 1s", *lines]) + "\n")
        return file

    def talk(self, url, *words):
        said = subprocess.run([str(self.ringgate), "client", url, "--account", "alice", *words],
                              input="ping\ntalk bob hello\nquit\n", capture_output=True, text=True, timeout=120,
                              check=False)
        if "pong" not in said.stdout or said.returncode != 0:
            raise AssertionError(f"client {url}: {said.stdout}{said.stderr}")

    def all_in_one(self, ring):
        """Its start, a login, a ping and a talk that SQLite keeps, over TCP and over TLS, its end."""
        process = self.traced(f"dev-{ring}", "dev", "--tls", "--tcp", "127.0.0.1:0", "--ws", "ws://127.0.0.1:0/",
                              "--tls-tcp", "127.0.0.1:0", "--wss", "wss://127.0.0.1:0/", "--admin", "127.0.0.1:0",
                              "--data", self.folder / f"data-{ring}", ring=ring)
        plain = process.line(r"listening tcp \S+:(\d+)")
        sealed = process.line(r"listening tls \S+:(\d+)")
        self.talk(f"tcp://127.0.0.1:{plain}")
        self.talk(f"tls://127.0.0.1:{sealed}", "--tls-insecure")
        return process.end()

    def takeover(self):
        """Of the one that is replaced, and of the other."""
        file = self.config("g1", "Listen: ['127.0.0.1:0']", "Routes: {login: login}")
        first = self.traced("old", "gateway", "-c", file)
        port = first.line(r"listening tcp \S+:(\d+)")
        file.write_text(file.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}"))
        second = self.traced("new", "gateway", "-c", file, "--takeover")
        second.line(r"listening tcp \S+:(\d+)")
        return first.ended() | second.end()

    def stores(self):
        """Of a chat service whose messages are in PostgreSQL and whose sessions are in Redis, and of its gateway."""
        redis, postgres = Redis(self.folder), Postgres(self.folder)
        try:
            asyncio.run(self.start_stores(redis, postgres))
            monitors = [free_port(), free_port()]
            chat = self.traced("chat", "chat", "-c", self.config(
                "chat01", "Listen: 127.0.0.1:0", f"MonitorPort: {monitors[0]}", f"RedisAddrs: 127.0.0.1:{redis.port}",
                f"MessageStore: postgresql://postgres@127.0.0.1:{postgres.port}/messages"))
            chat.line(r"listening tcp \S+:(\d+)")
            gateway = self.traced("gateway", "gateway", "-c", self.config(
                "g2", "Listen: ['127.0.0.1:0']", "Routes: {login: chat}", f"MonitorPort: {monitors[1]}"))
            port = gateway.line(r"listening tcp \S+:(\d+)")
            for monitor in monitors:
                wait_until_ready(monitor)
            self.talk(f"tcp://127.0.0.1:{port}", "--secret", SECRET)
            return gateway.end() | chat.end()
        finally:
            postgres.end()
            if redis.child is not None:
                redis.kill()

    @staticmethod
    async def start_stores(redis, postgres):
        await redis.start()
        await postgres.make()
