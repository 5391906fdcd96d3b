"""The cluster: two gateways, three chats, a login, Consul, Redis and PostgreSQL, and the proxy between all of them."""

import bisect
import json
import secrets
import time

from . import plan
from .children import Child, wait_until
from .monitor import get
from .ports import free_port
from .proxy import Way
from .stores import Consul, Postgres, Redis

READY_S = 60
# Shorter than by default, so that a run sees many of them pass.
COMMON = {"ConsulCheckInterval": "1s", "ConsulRecheck": "500ms", "DrainTime": "3s", "PinShards": False,
          "LinkReadTimeout": "10s", "LinkHeartbeat": "3s", "WriteTimeout": "5s"}
GATEWAY = {"AnswerTimeout": "6s", "IdleTimeout": "15s", "RedialMax": "2s", "DialTimeout": "2s",
           "AdultAfter": "2s", "EmptyListHold": "10s", "Depends": ["login", "chat"]}


def role_of(name):
    return name.rstrip("0123456789")


class Server:
    """A process of ours under one name; it is started again and again."""

    def __init__(self, cluster, name):
        self.cluster, self.name, self.role = cluster, name, role_of(name)
        self.port, self.ws_port, self.monitor = free_port(), free_port(), free_port()
        self.child = None
        self.starts = 0
        self.baseline_fds = None  # without clients, before the first fault

    def write_config(self):
        cluster = self.cluster
        keys = dict(COMMON, ServiceID=self.name, Listen=f"127.0.0.1:{self.port}", MonitorPort=self.monitor,
                    AdminPort=self.monitor, LogLevel=cluster.log_level,
                    ConsulURL=f"127.0.0.1:{cluster.ways[f'{self.name}>consul'].port}")
        keys["Shards"] = 1 if self.name in ("chat2", "chat3") else 2
        if self.role == "gateway":
            keys |= GATEWAY | {"Listen": [f"127.0.0.1:{self.port}", f"ws://127.0.0.1:{self.ws_port}/"],
                               "AppSecret": cluster.secret}
        else:
            keys |= {"PublicAddress": "127.0.0.1", "PublicPort": cluster.ways[f"links>{self.name}"].port,
                     "RedisAddrs": f"127.0.0.1:{cluster.ways[f'{self.name}>redis'].port}"}
        if self.role == "chat":
            way = cluster.ways[f"{self.name}>postgres"]
            keys["MessageStore"] = f"postgresql://postgres@127.0.0.1:{way.port}/messages"
        # JSON is YAML.
        self.config.write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in keys.items()),
                               encoding="utf-8")

    @property
    def config(self):
        return self.cluster.folder / f"{self.name}.yaml"

    def spawn(self, *more):
        """Another process of this name; `child` is the one that counts."""
        self.starts += 1
        self.cluster.tell_start(self.role)
        child = Child(self.name, [self.cluster.binary, self.role, "-c", self.config, *more],
                      self.cluster.folder / f"{self.name}.{self.starts}.log")
        self.cluster.spawned.append(child)
        return child

    def start(self):
        self.child = self.spawn()

    def has_started(self):
        """While a program is being loaded, a signal ends it as it does any other."""
        return self.child.code is not None or " serves as " in self.child.output()

    async def is_ready(self):
        try:
            return (await get(self.monitor, "/ready"))[0] == 200
        except OSError:
            return False


class Cluster:
    def __init__(self, folder, binary, consul_script, log_level):
        self.folder, self.binary, self.log_level = folder, binary, log_level
        self.secret = secrets.token_hex(16)
        self.redis, self.postgres = Redis(folder), Postgres(folder)
        self.consul = Consul(folder, consul_script)
        self.ways = {}
        self.spawned = []  # every process of ours that was ever started
        self.epochs_ms = []  # Unix time
        self.servers = {name: Server(self, name) for name in plan.PROCESSES}

    async def start(self):
        await self.redis.start()
        await self.postgres.make()
        await self.consul.start()
        for name, target in self.targets().items():
            self.ways[name] = Way(name, target, name in plan.FRAMED_WAYS)
            await self.ways[name].start()
        for server in self.servers.values():
            server.write_config()
        # What a gateway finds when it starts is adult at once.
        for names in (plan.SERVICES, plan.GATEWAYS):
            for name in names:
                self.servers[name].start()
            await self.wait_ready(names)

    def targets(self):
        ports = {}
        for gateway in plan.GATEWAYS:
            ports[f"tcp>{gateway}"] = self.servers[gateway].port
            ports[f"ws>{gateway}"] = self.servers[gateway].ws_port
        for way in plan.LINK_WAYS:
            ports[way] = self.servers[way.partition(">")[2]].port
        for way in plan.STORE_WAYS:
            ports[way] = self.redis.port if way.endswith("redis") else self.postgres.port
        for way in plan.CONSUL_WAYS:
            ports[way] = self.consul.port
        return ports

    async def wait_ready(self, names, seconds=READY_S):
        for name in names:
            server = self.servers[name]

            async def is_decided(server=server):
                return server.child.code is not None or await server.is_ready()
            if not await wait_until(is_decided, seconds) or server.child.code is not None:
                raise server.child.trouble("is not ready")

    def tell_start(self, role):
        if role == "chat":
            self.begin_epoch()

    def begin_epoch(self):
        """Node numbers of message ids may go to other chats from now on."""
        self.epochs_ms.append(time.time_ns() // 1_000_000)

    def epoch(self, unix_ms):
        """Within one, a node number is one process's."""
        return bisect.bisect(self.epochs_ms, unix_ms)

    def links_changed_since(self, moment):
        return any(way.changes and way.changes[-1] >= moment
                   for name, way in self.ways.items() if name in plan.LINK_WAYS)

    def stores(self):
        return [one.child for one in (self.redis, self.postgres, self.consul) if one.child is not None]

    def ended_by_themselves(self):
        return [child for child in (*self.spawned, *self.stores()) if child.code is not None and not child.may_end]

    def end_all(self):
        """At once, whatever state they are in."""
        for child in (*self.spawned, *self.stores()):
            child.may_end = True
            if child.code is None:
                child.resume()
        self.postgres.end()
        for child in (*self.spawned, *self.stores()):
            child.kill()
        for way in self.ways.values():
            way.close()
