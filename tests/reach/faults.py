"""The faults: each returns when the store is as it was, or better: `fault_at` and `back_at` of the world are set."""

import asyncio
import dataclasses
import typing

STANDS_STILL_S = 4
AWAY_S = 4


@dataclasses.dataclass(frozen=True)
class Fault:
    title: str
    play: typing.Callable
    needs_sentinel: bool = False


async def flushed(world):
    await world.some_go()
    world.fault_begins()
    await world.redis.ask("FLUSHALL")
    world.store_is_back()
    await world.some_come_again()


async def restarted(world):
    world.fault_begins()
    world.redis.kill()
    await world.some_go()
    trying = world.run_beside(world.some_come_again())
    await asyncio.sleep(AWAY_S)
    await world.redis.start()
    world.store_is_back()
    await trying


async def stopped(world):
    world.fault_begins()
    world.redis.stop()
    await world.some_go()
    trying = world.run_beside(world.some_come_again())
    await asyncio.sleep(STANDS_STILL_S)
    world.redis.resume()
    world.store_is_back()
    await trying


async def failed_over(world):
    """What is done between cutting the replica off and the primary's end is lost with it."""
    await world.cut_replica_off()
    await world.some_go()
    await world.some_come_again()
    await world.until("the primary knows who has gone", world.nobody_gone_is_online)
    world.fault_begins()
    world.redis.kill()
    await world.until("the replica is the primary", world.replica_leads, seconds=world.options.bound)
    world.store_is_back()


async def gateway_killed(world):
    world.fault_begins()
    world.kill_gateway()


FAULTS = {
    "flushall": Fault("`FLUSHALL`", flushed),
    "restarted": Fault(f"Redis is killed, and back without data {AWAY_S} s later", restarted),
    "stopped": Fault(f"Redis is stopped (`SIGSTOP`) for {STANDS_STILL_S} s", stopped),
    "failover": Fault("the primary is killed; its replica lacks what was done last", failed_over, needs_sentinel=True),
    "gateway": Fault("a gateway with half of the clients is killed", gateway_killed),
}
