"""Processes with the settings that they have by default, clients that stay, go and come again, and who is reachable."""

import asyncio
import time

from chaos.children import Child
from chaos.ports import free_port
from chaos.stores import Redis
from drills import client
from drills.world import SOON, World, Wrong

SHARE = 20  # one in so many goes, and another one comes again
PROBERS = 8
AT_ONCE = 64  # logins
LOOK_S = 0.2
ONLINE_PROBE_S = 0.2
DOWN_AFTER_MS = 5000  # of sentinel, whose default is 30 s


class Replica(Redis):
    async def start_of(self, primary):
        await self.start()
        await self.ask(f"REPLICAOF 127.0.0.1 {primary.port}")


class Reach(World):
    def __init__(self, folder, options, messages):
        from drills.main import ROOT
        super().__init__(folder, options.binary.resolve(), messages, ROOT / "scripts/consul")
        self.options = options
        self.replica = self.sentinel = None
        self.store = {}  # keys of login and chat
        self.stay, self.gone, self.probers, self.older = [], [], [], []
        self.round = 0
        self.fault_at = self.back_at = None

    # --- Begin and end -----------------------------------------------------------------------

    async def begin(self, with_sentinel):
        await self.redis.start()
        if with_sentinel:
            await self.start_sentinel()
        gateways = ("gateway01", "gateway02")
        self.servers = {name: self.server(name) for name in ("login01", "chat01", *gateways)}
        for server in self.servers.values():
            server.write(**dict.fromkeys(SOON), **({} if server.role == "gateway" else self.store))
            await server.start()
        for server in self.servers.values():
            await server.becomes(200)
        half = self.options.clients // 2
        for gateway in gateways:
            self.stay += await self.log_in_all(gateway, [f"{gateway}-{number}" for number in range(half)])
        self.probers = await self.log_in_all("gateway02", [f"prober{number}" for number in range(PROBERS)])
        left, _ = await self.reach_all(self.stay, time.monotonic() + self.options.bound)
        if left:
            raise Wrong(f"{len(left)} clients are not reachable before there is any fault")
        for name in gateways:
            await self.until(f"{name} has said that it lives", lambda name=name: self.has_boot(name))

    async def start_sentinel(self):
        self.replica = Replica(self.child_folder("replica"))
        await self.replica.start_of(self.redis)
        port = free_port()
        conf = self.folder / "sentinel.conf"
        conf.write_text(f"port {port}\nsentinel monitor main 127.0.0.1 {self.redis.port} 1\n"
                        f"sentinel down-after-milliseconds main {DOWN_AFTER_MS}\n", encoding="utf-8")
        self.sentinel = Child("sentinel", ["redis-server", conf, "--sentinel"], self.folder / "sentinel.log")
        self.children.append(self.sentinel)
        await self.until("sentinel knows the replica", lambda: "+slave " in self.sentinel.output())
        self.store = {"RedisAddrs": None, "RedisURL": f"redis+sentinel://127.0.0.1:{port}/main"}

    def child_folder(self, name):
        folder = self.folder / name
        folder.mkdir()
        return folder

    async def end(self):
        if self.replica is not None and self.replica.child is not None:
            self.children.append(self.replica.child)
        await super().end()

    async def log_in_all(self, gateway, accounts):
        room = asyncio.Semaphore(AT_ONCE)

        async def one(account):
            async with room:
                return await self.come_in(gateway, account)
        return list(await asyncio.gather(*map(one, accounts)))

    async def come_in(self, gateway, account):
        """Until it is let in: who is refused tries again a moment later."""
        until = time.monotonic() + self.options.bound
        while True:
            try:
                return await self.log_in(self.servers[gateway], account)
            except (client.Refused, client.wire.Ended, OSError, asyncio.TimeoutError) as error:
                if time.monotonic() > until:
                    raise Wrong(f"{account} cannot log in: {error}") from None
                await asyncio.sleep(LOOK_S)

    # --- What clients do in a fault ----------------------------------------------------------

    async def some_go(self):
        """Half of them of each gateway."""
        leaving = self.stay[::SHARE]
        self.gone += [one.account for one in leaving]
        self.stay = [one for one in self.stay if one not in leaving]
        for one in leaving:
            one.abort()

    async def some_come_again(self):
        """On the other gateway; who was there is sent away, or closed."""
        moving = self.stay[1::SHARE]
        kept = [one for one in self.stay if one not in moving]
        self.older += moving

        async def move(one):
            other = "gateway02" if one.account.startswith("gateway01") else "gateway01"
            return await self.come_in(other, one.account)
        self.stay = kept + list(await asyncio.gather(*map(move, moving)))

    def kill_gateway(self):
        killed = self.servers["gateway01"]
        self.gone += [one.account for one in self.stay if one.account.startswith("gateway01")]
        killed.child.kill()

    # --- The store ---------------------------------------------------------------------------

    def fault_begins(self):
        self.fault_at = time.monotonic()

    def store_is_back(self):
        self.back_at = time.monotonic()

    async def cut_replica_off(self):
        await self.redis.ask("ACL SETUSER default -psync -sync")
        await self.redis.ask("CLIENT KILL TYPE replica")

        async def is_off():
            return "connected_slaves:0" in " ".join(await self.info(self.redis))
        await self.until("the replica is cut off", is_off)

    async def info(self, redis):
        reader, writer = await asyncio.open_connection("127.0.0.1", redis.port)
        try:
            writer.write(b"INFO replication\r\n")
            length = int((await reader.readline())[1:])
            return (await reader.readexactly(length)).decode().splitlines()
        finally:
            writer.close()

    async def replica_leads(self):
        return "role:master" in await self.info(self.replica)

    async def ask_store(self, command):
        """Whichever has the data now. Raises OSError while nobody does."""
        if self.redis.child.code is not None and self.replica is not None:
            return await self.replica.ask(command)
        return await self.redis.ask(command)

    async def has_boot(self, gateway):
        return await self.ask_store(f"KEYS ringgate:boot:{gateway},*")

    async def nobody_gone_is_online(self):
        """Not even by a location of a gateway that has gone, as long as its boot is believed."""
        places = await self.ask_store("KEYS login:loc:*")
        there = {place.removeprefix("login:loc:") for place in places} & set(self.gone)
        alive = {name for name in ("gateway01", "gateway02") if await self.has_boot(name)}
        return not any(account.partition("-")[0] in alive for account in there)

    # --- Who is reachable --------------------------------------------------------------------

    async def reach_all(self, those, until):
        """(who is neither reached nor closed by then, how many are closed)."""
        left, closed = list(those), 0
        while left and time.monotonic() < until:
            self.round += 1
            text = f"round {self.round}"
            await asyncio.gather(*(self.talk_to(prober, left[number::PROBERS], text)
                                   for number, prober in enumerate(self.probers)))
            await asyncio.sleep(LOOK_S)
            closed += sum(not one.is_open for one in left)
            left = [one for one in left if one.is_open and not one.has(text)]
            for one in those:
                one.pushes.clear()
        return left, closed

    async def talk_to(self, prober, those, text):
        """All at once; what is answered tells nothing: a talk to nobody is stored, and a success."""
        answers = [await prober.begin("chat.user.talk", self.messages.MessageReq(type=1, body=text), one.account)
                   for one in those]
        if answers:
            await asyncio.wait(answers, timeout=client.PATIENCE_S)

    async def judge(self, row):
        until = self.fault_at + self.options.bound
        watching = self.run_beside(self.watch_gone(until))
        left, row.closed = await self.reach_all(self.stay, until)
        if not left:
            row.reached = time.monotonic() - self.fault_at
            row.reached_back = None if self.back_at is None else time.monotonic() - self.back_at
        row.gone = await watching
        reasons = []
        if left:
            reasons.append(f"{len(left)} clients are neither reachable nor closed: {left[0].account}, ...")
        elif row.reached_back is not None and row.reached_back > self.options.bound_back:
            reasons.append(f"all are reachable {row.reached_back:.1f} s after the store is back")
        if row.gone is None:
            reasons.append("somebody who has gone is online")
        row.why = "; ".join(reasons)

    async def watch_gone(self, until):
        """Seconds from the fault on until nobody is who is not, or None."""
        while time.monotonic() < until:
            try:
                if await self.nobody_gone_is_online():
                    return time.monotonic() - self.fault_at
            except OSError:
                pass
            await asyncio.sleep(ONLINE_PROBE_S)
        return None
