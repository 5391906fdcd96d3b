"""What a drill has to itself: a folder, a registry, Redis, processes of ours and clients of theirs."""

import asyncio
import json
import pathlib
import re
import secrets
import sys

from chaos.children import Child, wait_until
from chaos.monitor import get
from chaos.ports import free_port
from chaos.say import Trouble
from chaos.stores import Consul, Redis

from . import client

PATIENCE_S = 30
# Shorter than by default, so that a drill is over soon.
SOON = {"Shards": 2, "PinShards": False, "RedialMin": "20ms", "RedialMax": "200ms", "AdultAfter": "0s"}
CONSUL_SOON = {"ConsulCheckInterval": "1s", "ConsulRecheck": "200ms"}
METRIC = re.compile(r"(?P<name>\w+)(?P<labels>\{.*\})? (?P<value>\S+)$")


class Wrong(Exception):
    """The page says something else."""


async def end_all(tasks):
    """A cancellation that comes together with an answer is lost in wait_for() of Python 3.11: so it is said again."""
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=0.5)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # has been looked at


class Server:
    """A process of ours under one id; it may be started again and again."""

    def __init__(self, world, name, keys):
        self.world, self.name = world, name
        self.role = re.match("[a-z]+", name).group()
        self.monitor = free_port()
        self.keys = dict(SOON, ServiceID=name, Listen="127.0.0.1:0", MonitorPort=self.monitor, **world.registry)
        if self.role == "gateway":
            self.keys |= {"Listen": f"127.0.0.1:{free_port()}", "AdminPort": self.monitor,
                          "AppSecret": world.secret, "Depends": ["login", "chat"]}
        elif self.role != "echo":
            self.keys["RedisAddrs"] = f"127.0.0.1:{world.redis.port}"
        if self.role == "chat":
            self.keys["MessageStore"] = f"sqlite://{world.folder}/{name}.db"
        self.child = None
        self.starts = 0
        self.write(**keys)

    @property
    def config(self):
        return self.world.folder / f"{self.name}.yaml"

    @property
    def port(self):
        return int(str(self.keys["Listen"]).rsplit(":", 1)[1])

    def write(self, **changes):
        """None takes a key out. JSON is YAML."""
        self.keys = {key: value for key, value in (self.keys | changes).items() if value is not None}
        self.config.write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in self.keys.items()),
                               encoding="utf-8")

    def spawn(self, *flags, before=()):
        """A process of this configuration beside the one that there may be; `before`: what runs it."""
        self.starts += 1
        child = Child(self.name, [*before, self.world.binary, self.role, "-c", self.config, *flags],
                      self.world.folder / f"{self.name}.{self.starts}.log")
        self.world.children.append(child)
        return child

    async def start(self, *flags):
        self.child = self.spawn(*flags)
        await self.says("serves as")
        return self

    async def says(self, text, child=None):
        """The line of the log with that, once it is there."""
        child = child or self.child

        def line():
            return next((line for line in child.output().splitlines() if text in line), None)
        await wait_until(lambda: line() or child.code is not None, PATIENCE_S)
        if (found := line()) is None:
            raise child.trouble(f"never says: {text}")
        return found

    async def page(self, path, method="GET"):
        """(status, body); (0, "") where nobody answers."""
        try:
            return await get(self.monitor, path, method)
        except OSError:
            return 0, ""

    async def becomes(self, status, text=""):
        """/ready, and what it says then."""
        async def is_so():
            found, body = await self.page("/ready")
            return body if found == status and text in body else None
        return await self.world.until(f"{self.name}'s /ready is {status} {text}".rstrip(), is_so)

    async def metric(self, name, label=""):
        """The sum of those with such labels."""
        _, body = await self.page("/metrics")
        found = map(METRIC.match, body.splitlines())
        return sum(float(one["value"]) for one in found if one and one["name"] == name and label in (one["labels"] or ""))

    async def counts(self, name, least, label=""):
        async def is_so():
            return await self.metric(name, label) >= least
        await self.world.until(f"{name}{label} of {self.name} is {least} at least", is_so)

    async def ends(self, code=0, child=None):
        child = child or self.child
        child.may_end = True
        found = await child.wait(PATIENCE_S)
        if found != code:
            raise child.trouble(f"has not ended with {code}: {found}")

    async def reload(self, **changes):
        """Until the log says what became of it; that line."""
        before = self.child.output().count("SIGHUP: ")
        self.write(**changes)
        self.child.signal(1)
        await self.world.until(f"{self.name} says what its SIGHUP did",
                               lambda: self.child.output().count("SIGHUP: ") > before)
        return [line for line in self.child.output().splitlines() if "SIGHUP: " in line][-1]


class World:
    def __init__(self, folder, binary, messages, consul_script):
        self.folder, self.binary, self.messages, self.consul_script = folder, binary, messages, consul_script
        self.secret = secrets.token_hex(16)
        self.registry = {"RegistryFile": str(folder / "services.json")}
        self.redis = Redis(folder)
        self.consul = None
        self.children, self.clients, self.tasks = [], [], []
        self.seen = []

    def note(self, text):
        """What was seen, for whoever reads the table."""
        self.seen.append(text)

    async def until(self, what, condition, seconds=PATIENCE_S):
        found = None

        async def is_met():
            nonlocal found
            found = condition()
            if asyncio.iscoroutine(found):
                found = await found
            return found
        if not await wait_until(is_met, seconds):
            raise Wrong(f"not within {seconds} s: {what}")
        return found

    @staticmethod
    async def soon(condition):
        """Whether it comes true in a second: if not, another try is to be made."""
        return await wait_until(condition, 1)

    @property
    def forbidding(self):
        """What runs a command where io_uring is forbidden; `Ring` of its configuration counts then."""
        return ["env", "-u", "RINGGATE_RING", sys.executable, "-B", pathlib.Path(__file__).parent / "forbid.py"]

    def hold(self, is_so, what):
        if not is_so:
            raise Wrong(what)

    async def use_consul(self):
        self.consul = Consul(self.folder, self.consul_script)
        await self.consul.start()
        self.registry = dict(CONSUL_SOON, ConsulURL=f"127.0.0.1:{self.consul.port}")

    def server(self, name, **keys):
        return Server(self, name, keys)

    async def start(self, *names, **keys):
        """Processes of those names, ready; `keys` are for gateways."""
        servers = [self.server(name, **(keys if name.startswith("gateway") else {})) for name in names]
        if self.redis.child is None:
            await self.redis.start()
        for server in servers:
            await server.start()
        for server in servers:
            await server.becomes(200)
        return servers

    async def log_in(self, gateway, account, **options):
        one = await client.log_in(self, gateway, account, **options)
        self.clients.append(one)
        return one

    async def log_in_many(self, gateway, prefix, count):
        return [await self.log_in(gateway, f"{prefix}{number}") for number in range(count)]

    def run_beside(self, work):
        task = asyncio.ensure_future(work)
        self.tasks.append(task)
        return task

    async def command(self, *words):
        """(exit code, what it said) of a command of ours."""
        process = await asyncio.create_subprocess_exec(
            self.binary, *map(str, words), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT, cwd=self.folder)
        try:
            said, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        except (asyncio.TimeoutError, asyncio.CancelledError):
            process.kill()
            await process.wait()
            raise
        return process.returncode, said.decode(errors="replace")

    def ended_by_themselves(self):
        return [child for child in self.children if child.code not in (None, 0) and not child.may_end]

    async def end(self):
        """Its processes first, and without a pause: whoever is interrupted here has ended them."""
        for one in self.clients:
            one.abort()
        for store in (self.redis, self.consul):
            if store is not None and store.child is not None:
                self.children.append(store.child)
        for child in self.children:
            child.resume()
            child.kill()
        await end_all(self.tasks)


__all__ = ["Server", "Trouble", "World", "Wrong", "PATIENCE_S"]
