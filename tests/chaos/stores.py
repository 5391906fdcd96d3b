"""What is not ours: Redis, PostgreSQL and Consul, real ones, on ports of their own."""

import asyncio
import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess

from benchlib.processes import descendants

from .children import Child, wait_until
from .monitor import get
from .ports import free_port
from .say import Trouble

START_S = 30


def postgres_programs():
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


class OneProcess:
    """All of it is `child`."""

    def kill(self):
        self.child.kill()

    def stop(self):
        self.child.stop()

    def resume(self):
        self.child.resume()


class Redis(OneProcess):
    """Keeps nothing: who kills it loses all data."""

    def __init__(self, folder):
        self.folder, self.port, self.child = folder, free_port(), None

    async def start(self):
        self.child = Child("redis", [shutil.which("redis-server"), "--port", self.port, "--bind", "127.0.0.1",
                                     "--save", "", "--appendonly", "no", "--dir", self.folder],
                           self.folder / "redis.log")
        if not await wait_until(self.answers, START_S):
            raise self.child.trouble("does not answer")

    async def answers(self):
        try:
            return await self.ask("PING") == "PONG"
        except OSError:
            return False

    async def ask(self, command):
        """The answer to an inline command: a text, or a list of texts."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(command.encode() + b"\r\n")
            line = (await reader.readline()).decode().strip()
            if not line.startswith("*"):
                return line[1:]
            found = []
            for _ in range(int(line[1:])):
                length = int((await reader.readline())[1:])
                found.append((await reader.readexactly(length + 2))[:-2].decode(errors="replace"))
            return found
        finally:
            writer.close()


class Postgres:
    """Crashes when it is killed, and comes back with all that it had committed. Not as root, which it refuses."""

    def __init__(self, folder):
        self.folder, self.port, self.child = folder / "postgresql", free_port(), None
        self.programs = postgres_programs()
        self.user = None
        self.folder.mkdir()
        if os.geteuid() == 0:
            self.user = "postgres"
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)

    def tell(self, program, *words):
        as_user = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        ended = subprocess.run([str(word) for word in (self.programs / program, *words)], capture_output=True,
                               text=True, check=False, cwd="/", **as_user)
        if ended.returncode != 0:
            raise Trouble(f"{program} failed: {ended.stderr.strip()}")

    async def make(self):
        self.tell("initdb", "-D", self.folder / "data", "-U", "postgres", "-A", "trust", "--no-sync",
                  "--encoding=UTF8", "--locale=C")
        await self.start()
        self.tell("createdb", "-h", self.folder, "-p", self.port, "-U", "postgres", "messages")

    async def start(self):
        # The machine stays up, so that what a process has written is there without waiting for the disk.
        self.child = Child("postgres", [
            self.programs / "postgres", "-D", self.folder / "data", "-k", self.folder, "-p", self.port,
            "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "shared_buffers=16MB",
            "-c", "dynamic_shared_memory_type=mmap"], self.folder.parent / "postgres.log", self.user)
        if not await wait_until(self.is_ready, START_S):
            raise self.child.trouble("does not answer")

    def is_ready(self):
        status = self.folder / "data" / "postmaster.pid"
        try:
            return status.read_text(encoding="utf-8").splitlines()[7].strip() == "ready"
        except (OSError, IndexError):
            return False

    async def crash(self):
        """All of its processes end at once, without a word to anybody."""
        self.child.may_end = True
        self.child.signal(signal.SIGQUIT)
        if await self.child.wait(START_S) is None:
            raise self.child.trouble("does not end")

    def end(self):
        """At once, but so that it leaves nothing of the machine's behind."""
        if self.child is None or self.child.code is not None:
            return
        self.resume()
        self.child.signal(signal.SIGQUIT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.process.wait(START_S)

    def signal_all(self, number):
        """Each connection has a process."""
        for pid in descendants(self.child.pid):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def stop(self):
        self.child.is_stopped = True
        self.signal_all(signal.SIGSTOP)

    def resume(self):
        self.child.is_stopped = False
        self.signal_all(signal.SIGCONT)


class Consul(OneProcess):
    """An agent that forgets everything when it is killed."""

    def __init__(self, folder, script):
        self.folder, self.child = folder, None
        self.port, self.serf, self.server = free_port(), free_port(), free_port()
        found = subprocess.run([script, "path"], capture_output=True, text=True, check=False)
        if found.returncode != 0:
            raise Trouble(f"no Consul: {found.stderr.strip()}")
        self.binary = found.stdout.strip()

    async def start(self):
        self.child = Child("consul", [
            self.binary, "agent", "-dev", "-bind=127.0.0.1", "-client=127.0.0.1", "-log-level=warn", "-node=chaos",
            f"-http-port={self.port}", "-https-port=-1", f"-serf-lan-port={self.serf}", "-serf-wan-port=-1",
            f"-server-port={self.server}", "-dns-port=-1", "-grpc-port=-1", "-hcl=leave_on_terminate=false"],
            self.folder / "consul.log")
        if not await wait_until(self.leads, START_S):
            raise self.child.trouble("has no leader")

    async def leads(self):
        try:
            status, body = await get(self.port, "/v1/health/service/consul?passing")
            return status == 200 and '"consul"' in body
        except OSError:
            return False
