"""Does what the plan says, and undoes it."""

import asyncio
import random
import signal
import time

from . import plan
from .children import wait_until
from .monitor import get

DRAIN_S = 20  # within which a process has ended that was asked to; DrainTime is much less
TAKEOVER_S = 45
START_S = 20
VICTIMS = 6  # accounts whose bytes may be altered unnoticed: the first ones
NO_PACKET = bytes.fromhex("02 00000010 00112233 00000000 00000000 00000000")
GARBAGE = {"opcode": b"\x7f" + bytes(range(64)), "length": b"\x02\xff\xff\xff\xff" + bytes(64), "packet": NO_PACKET}


class Faults:
    def __init__(self, world):
        self.world, self.cluster, self.ledger = world, world.cluster, world.ledger

    async def run(self, faults):
        """Until the last one is over."""
        began = time.monotonic()
        tasks = []
        try:
            for fault in faults:
                await asyncio.sleep(max(0, began + fault.at - time.monotonic()))
                tasks.append(asyncio.ensure_future(self.do(fault)))
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    async def do(self, fault):
        self.world.diary.say(str(fault))
        self.world.fault_counts[fault.kind] += 1
        self.ledger.active[fault.number] = str(fault)
        do = getattr(self, "do_" + fault.kind.replace("-", "_"))
        try:
            await do(fault)
        finally:
            del self.ledger.active[fault.number]
            self.world.diary.note(f"over: {fault}")

    # --- Ways --------------------------------------------------------------------------------

    def way(self, fault):
        return self.cluster.ways[fault.target]

    async def last(self, fault):
        await asyncio.sleep(fault.lasts)
        self.way(fault).heal()

    async def do_delay(self, fault):
        self.way(fault).delay_s = random.Random(fault.seed).choice((0.005, 0.05, 0.3, 1))
        await self.last(fault)

    async def do_throttle(self, fault):
        self.way(fault).rate = random.Random(fault.seed).choice((2_000, 20_000, 200_000))
        await self.last(fault)

    async def do_hold(self, fault):
        self.way(fault).passable.clear()
        await self.last(fault)

    async def do_half_open(self, fault):
        self.way(fault).lose()
        await self.last(fault)

    async def do_refuse(self, fault):
        self.way(fault).refusing = True
        await self.last(fault)

    async def do_cut(self, fault):
        self.way(fault).cut()

    def some_connection(self, fault, ways, may_be_taken=lambda _: True):
        """One that is whole, of the fault's way or else of another of `ways`; (its way, it, one of its directions, for
        what else is drawn). Its way is None when there is none."""
        draw = random.Random(fault.seed)
        for name in sorted(ways, key=lambda name: (name != fault.target, name)):
            way = self.cluster.ways[name]
            whole = [one for one in way.open
                     if one.to_far and not one.lost and not one.tainted and may_be_taken(one)
                     and not (one.to_far.ended or one.to_near.ended)]
            if whole:
                one = draw.choice(sorted(whole, key=port_of))
                return way, one, one.to_far if draw.random() < 0.6 else one.to_near, draw
        self.world.diary.say(f"no connection for #{fault.number}")
        return None, None, None, draw

    async def do_garbage(self, fault):
        is_client = fault.target in plan.CLIENT_WAYS
        way, one, direction, draw = self.some_connection(
            fault, [name for name in plan.FRAMED_WAYS if (name in plan.CLIENT_WAYS) == is_client])
        if way is None:
            return
        # A link drops what makes no sense, and goes on.
        kinds = ("opcode", "length", "packet") if is_client else ("opcode", "length")
        one.spoil(direction, GARBAGE[draw.choice(kinds)])
        way.spoilt.append((one, direction))

    async def do_flip(self, fault):
        victims = {talker.connection.local_port: talker.account for talker in self.world.talkers[:VICTIMS]
                   if talker.connection is not None}
        way, one, direction, draw = self.some_connection(fault, plan.CLIENT_WAYS,
                                                         lambda through: port_of(through) in victims)
        if way is not None:
            self.ledger.altered_senders.add(victims[port_of(one)])
            one.flip(direction, draw.getrandbits(32))

    # --- Processes of ours -------------------------------------------------------------------

    def server(self, fault):
        return self.cluster.servers[fault.target]

    async def started(self, fault):
        server = self.server(fault)
        if not await wait_until(server.has_started, START_S * self.world.patience):
            self.ledger.breach(f"{server.name} has not started in {START_S * self.world.patience:.0f} s")
        return server

    async def do_kill(self, fault):
        self.server(fault).child.kill()
        await asyncio.sleep(fault.lasts)
        self.server(fault).start()

    async def do_stop(self, fault):
        self.server(fault).child.stop()
        await asyncio.sleep(fault.lasts)
        self.server(fault).child.resume()

    async def do_drain(self, fault):
        server = await self.started(fault)
        server.child.end()
        code = await server.child.wait(DRAIN_S * self.world.patience)
        if code != 0:
            self.ledger.breach(f"{server.name} does not end after SIGTERM" if code is None
                               else f"{server.name} ended with {code} after SIGTERM")
            server.child.kill()
        await asyncio.sleep(fault.lasts)
        server.start()

    async def do_evacuate(self, fault):
        """Half of its clients are told to come again."""
        count = len(self.cluster.ways[f"tcp>{fault.target}"].open) // 2
        try:
            status, body = await get(self.server(fault).monitor, f"/evacuate?to={count}&pace=50", "POST")
            self.world.diary.note(f"evacuation: {status} {body.strip()}")
        except OSError as error:  # others may have stopped it
            self.world.diary.note(f"no evacuation: {error}")

    async def do_reload(self, fault):
        (await self.started(fault)).child.signal(signal.SIGHUP)

    async def do_takeover(self, fault):
        server = await self.started(fault)
        old, new = server.child, server.spawn("--takeover")
        old.may_end = new.may_end = True
        await wait_until(lambda: old.code is not None or new.code is not None,
                         TAKEOVER_S * self.world.patience)
        if old.code == 0 and new.code is None:
            server.child, new.may_end = new, False
        elif old.code is None and new.code == 1:  # it could not serve, and has left the other one alone
            old.may_end = False
            self.ledger.counts["takeovers given up"] += 1
        else:
            self.ledger.breach(f"a takeover of {server.name}: the old one's exit code is {old.code}, the new one's "
                               f"{new.code}")
            old.kill()
            new.kill()
            server.start()

    # --- What is not ours --------------------------------------------------------------------

    async def do_redis_lost(self, fault):
        self.cluster.redis.kill()
        await asyncio.sleep(fault.lasts)
        await self.cluster.redis.start()
        self.cluster.begin_epoch()

    async def do_redis_stopped(self, fault):
        await self.stop_for(self.cluster.redis, fault)

    async def do_postgres_killed(self, fault):
        await self.cluster.postgres.crash()
        await asyncio.sleep(fault.lasts)
        await self.cluster.postgres.start()

    async def do_postgres_stopped(self, fault):
        await self.stop_for(self.cluster.postgres, fault)

    async def do_consul_lost(self, fault):
        self.cluster.consul.kill()
        await asyncio.sleep(fault.lasts)
        await self.cluster.consul.start()

    async def do_consul_stopped(self, fault):
        await self.stop_for(self.cluster.consul, fault)

    @staticmethod
    async def stop_for(store, fault):
        store.stop()
        await asyncio.sleep(fault.lasts)
        store.resume()


def port_of(through):
    """Of who dialled."""
    return through.near[1].get_extra_info("peername")[1]
