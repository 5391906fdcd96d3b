"""Gateways that go, one after another and all at once."""

import asyncio
import json
import re
import signal
import threading


from .book import drill
from .client import log_in

HINT = re.compile(r"retry_in_ms=(\d+)")


@drill("Drain: SIGTERM", "a gateway with 40 clients and DrainDelay is sent SIGTERM",
       "it is not ready and not registered, and takes clients until DrainDelay is over; all are told when to come "
       "again; it ends with 0 and says `drained`")
async def drain(world):
    _, _, gateway = await world.start("login01", "chat01", "gateway01", DrainDelay="2s", DrainTime="3s", DrainPace=1)
    clients = await world.log_in_many(gateway, "client", 40)
    gateway.child.end()
    await gateway.becomes(503, "draining")
    file = world.folder / "services.json"
    await world.until("it is not registered", lambda: "gateway01" not in file.read_text(encoding="utf-8"))
    clients.append(await world.log_in(gateway, "late"))
    reasons = [await one.is_closed() for one in clients]
    world.hold(all(map(HINT.search, reasons)), f"not all were told when: {set(reasons)}")
    await gateway.ends()
    line = await gateway.says("drained")
    waits = [int(HINT.search(reason)[1]) for reason in reasons]
    world.note(f"41 clients told to come again in {min(waits)} to {max(waits)} ms")
    world.note(line.split("] ")[-1])


@drill("Drain: SIGTERM", "a client does not go", "it is cut off after DrainTime, and the log says how many that were")
async def drain_cut(world):
    _, _, gateway = await world.start("login01", "chat01", "gateway01", DrainTime="1s")
    alice = await world.log_in(gateway, "alice")
    alice.reader.cancel()  # it neither answers the close nor leaves
    gateway.child.end()
    await gateway.ends()
    line = await gateway.says("DrainTime is over")
    world.hold("1 of the clients have not gone" in line, line)
    world.note(line[line.index("DrainTime"):])


@drill("Drain: SIGTERM", "a second signal comes, more than a second after the first", "the process exits at once, with 1")
async def second_signal(world):
    _, _, gateway = await world.start("login01", "chat01", "gateway01", DrainDelay="1m")
    gateway.child.end()
    await gateway.becomes(503, "draining")

    def ends_by_another():
        gateway.child.signal(signal.SIGTERM)
        return gateway.child.code is not None
    await world.until("another signal ends it", ends_by_another)
    await gateway.ends(1)


async def keep_coming(world, gateway, name, counts):
    """One after another, until it is cancelled: each is let in."""
    while True:
        counts[name] = counts.get(name, 0) + 1
        one = await log_in(world, gateway, f"{name}x{counts[name]}")
        one.abort()


@drill("Replace a gateway: --takeover", "a gateway is replaced under the same id while clients connect all the time, "
       "then by one that runs on epoll",
       "nobody is turned away; the monitor port is the new one's; the old one tells its clients when to come again, "
       "and ends with 0")
async def takeover(world):
    _, _, gateway = await world.start("login01", "chat01", "gateway01", DrainTime="3s")
    stays = await world.log_in(gateway, "stays")
    counts = {}
    crowd = [world.run_beside(keep_coming(world, gateway, f"crowd{number}", counts)) for number in range(3)]
    for ring in ("auto", "epoll"):
        _, before = await gateway.page("/id")
        old = gateway.child
        gateway.write(Ring=ring)
        gateway.child = gateway.spawn("--takeover")
        await gateway.ends(0, old)
        _, after = await gateway.page("/id")
        world.hold(after and after != before, "the monitor port is not the new one's")
        had_come = sum(counts.values())
        await world.until("clients come", lambda had=had_come: sum(counts.values()) > had + 30)
    for task in crowd:
        world.hold(not task.done(), f"somebody was turned away: {task.done() and task.exception()!r}")
    world.hold(HINT.search(await stays.is_closed()) is not None, "who stayed was not told when to come again")
    world.hold(await gateway.metric("ringgate_ring_info", '"epoll"') == 1, "it does not run on epoll")
    world.note(f"{sum(counts.values())} clients came during two takeovers, each was let in")


@drill("Replace a gateway: --takeover", "the configuration of the new process is wrong; another is killed before it serves",
       "the old one stays as if nothing had been")
async def failed_takeover(world):
    _, _, gateway = await world.start("login01", "chat01", "gateway01")
    alice = await world.log_in(gateway, "alice")
    next_one = world.server("gateway02", Listen=gateway.keys["Listen"], Shards=-1)
    await next_one.ends(2, next_one.spawn("--takeover"))
    elsewhere = {"RegistryFile": str(world.folder / "nobody.json")}
    next_one.write(Shards=1, **elsewhere)
    child = next_one.spawn("--takeover")
    await next_one.says("serves as", child)
    child.kill()
    world.hold(await alice.ping(), "alice was closed")
    await world.log_in(gateway, "bob")
    await gateway.becomes(200)


def look(file, seen, is_over):
    """Every list of gateways that the registry has, until then."""
    while not is_over.is_set():
        ids = {one["id"] for one in json.loads(file.read_text(encoding="utf-8"))["services"]}
        if [found := sorted(ids & {"gateway01", "gateway02"})] != seen[-1:]:
            seen.append(found)


@drill("Replace a gateway: --takeover", "a gateway is replaced by one of another id",
       "the new entry is in the registry before the old one leaves it")
async def takeover_of_another_id(world):
    _, _, gateway = await world.start("login01", "chat01", "gateway01", DrainTime="2s")
    seen = []
    is_over = threading.Event()
    looking = world.run_beside(asyncio.to_thread(look, world.folder / "services.json", seen, is_over))
    fresh = world.server("gateway02", Listen=gateway.keys["Listen"])
    await fresh.start("--takeover")
    await gateway.ends()
    await world.until("only the new one is registered", lambda: seen[-1:] == [["gateway02"]])
    is_over.set()
    await looking
    world.hold([] not in seen, f"the registry had {seen}")
    await world.log_in(fresh, "alice")
    world.note("the registry had " + ", then ".join(" and ".join(ids) for ids in seen))


@drill("Fewer clients here: evacuate", "20 clients are there, and 5 are to stay; another evacuation is called off",
       "the 15 newest are told to come again, as evacuated; of the other one nobody more goes after the abort")
async def evacuate(world):
    _, _, gateway = await world.start("login01", "chat01", "gateway01", Shards=1)
    clients = await world.log_in_many(gateway, "client", 20)
    status, body = await gateway.page("/evacuate?to=5&pace=1000", "POST")
    world.hold(status == 200, f"{status} {body}")
    await gateway.says("evacuation done")
    reasons = [await one.is_closed() for one in clients[5:]]
    world.hold(all(reason.startswith("evacuated") and HINT.search(reason) for reason in reasons), str(set(reasons)))
    world.hold(all([await one.ping() for one in clients[:5]]), "one of the oldest was told to go")
    await gateway.page("/evacuate?to=0&pace=1", "POST")
    status, body = await gateway.page("/evacuate/abort", "POST")
    world.hold(status == 200, f"abort: {status} {body}")
    left = sum([await one.ping() for one in clients[:5]])
    world.hold(left >= 3, f"{left} of 5 are left after the abort")
    world.note(f"15 of 20 closed as evacuated; after the abort {left} of 5 are there")


@drill("All gateways at once", "kick, evacuate and drain are told to two gateways, then with one of them stopped",
       "each says what it did; with the one that does not answer the exit code is 1")
async def fleet(world):
    await world.start("login01", "chat01")
    gateways = [world.server(name) for name in ("gateway01", "gateway02")]
    for gateway in gateways:
        await gateway.start()
        await gateway.becomes(200)
    config = gateways[0].config
    alice = await world.log_in(gateways[1], "alice")
    code, said = await world.command("kick", "-c", config, "--account", "alice")
    world.hold(code == 0 and "gateway01" in said and "gateway02" in said, f"kick ended with {code}: {said}")
    await alice.is_closed()
    world.note(said.strip().splitlines()[-1])
    gateways[1].child.stop()
    code, said = await world.command("evacuate", "-c", config, "--to", "0")
    world.hold(code == 1, f"with one that hangs, evacuate ended with {code}: {said}")
    world.note([line for line in said.splitlines() if "gateway02" in line][0])
    gateways[1].child.resume()
    code, said = await world.command("drain", "-c", config, "--id", "gateway02")
    world.hold(code == 0, f"drain ended with {code}: {said}")
    await gateways[1].ends()
    await gateways[0].becomes(200)


