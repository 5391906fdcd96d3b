"""What a cluster loses, and gets back."""

import asyncio
import json
import zlib

from chaos.monitor import get

from .book import drill
from .client import SUCCESS, Refused

SYSTEM_EXCEPTION = 300


async def reaches(world, sender, receiver, text):
    """Until a message of that text arrives; it may take more than one."""
    async def arrives():
        await sender.talk(receiver.account, text)
        return await world.soon(lambda: receiver.has(text))
    await world.until(f"{sender.account} reaches {receiver.account}", arrives)


async def is_refused(world, gateway, account):
    try:
        one = await world.log_in(gateway, account)
    except Refused as refused:
        return refused.status
    one.abort()
    return SUCCESS


@drill("Is it well? `/health` and `/ready`", "the only login service ends, and starts again",
       "the gateway is well, and not ready while it is away; one line in the log when that begins, one when it is over")
async def login_away(world):
    login, _, gateway = await world.start("login01", "chat01", "gateway01")
    alice = await world.log_in(gateway, "alice")
    login.child.kill()
    reason = await gateway.becomes(503)
    status, _ = await gateway.page("/health")
    world.hold(status == 200, f"/health is {status}")
    world.hold(await alice.ping(), "who is connected was closed")
    await login.start()
    await gateway.becomes(200)
    await world.log_in(gateway, "bob")
    world.note(f"503: {reason.strip().splitlines()[0]}; then 200")
    lines = [line for line in gateway.child.output().splitlines() if "no login service is connected" in line]
    over = [line for line in lines if "over after" in line]
    world.hold(len(lines) == 2 and len(over) == 1, f"the log has {lines}")


@drill("Who is online", "Redis is killed, and comes back without its data",
       "login and chat are not ready, logins are answered 300, who is connected stays; afterwards they are reachable "
       "again without a login")
async def redis_away(world):
    login, chat, gateway = await world.start("login01", "chat01", "gateway01", RollCallBeat="500ms")
    alice, bob = await world.log_in(gateway, "alice"), await world.log_in(gateway, "bob")
    await reaches(world, alice, bob, "before")
    world.redis.kill()
    reason = await login.becomes(503)
    await chat.becomes(503)
    status = await is_refused(world, gateway, "carol")
    world.hold(status == SYSTEM_EXCEPTION, f"a login is answered {status}")
    world.hold(await alice.ping() and await bob.ping(), "who is connected was closed")
    await world.redis.start()
    for server in (login, chat, gateway):
        await server.becomes(200)
    await reaches(world, alice, bob, "after")
    world.note(f"503: {reason.strip().splitlines()[0]}")
    world.note(f"alice reached bob again, after {await gateway.metric('ringgate_rollcall_rounds_total'):g} roll calls")


@drill("Who is online", "Redis hangs, and somebody tries to log in meanwhile",
       "the login is answered 300, and does not happen later")
async def redis_hangs(world):
    login, _, gateway = await world.start("login01", "chat01", "gateway01")
    world.redis.stop()
    await login.becomes(503)
    status = await is_refused(world, gateway, "carol")
    world.hold(status == SYSTEM_EXCEPTION, f"the login is answered {status}")
    world.redis.resume()
    await login.becomes(200)
    await gateway.becomes(200)
    await world.log_in(gateway, "dave")
    found = await world.redis.ask("KEYS login:loc:carol")
    world.hold(found == [], f"the login that was answered 300 happened: {found}")
    world.note("answered 300; Redis has no location of it afterwards")


@drill("Who is online", "a gateway is killed, another one is stopped in order",
       "nobody counts as online there: after GatewayLease, or at once")
async def gateway_lost(world):
    await world.redis.start()
    for name in ("login01", "chat01"):
        await world.server(name, GatewayLease="2s").start()
    gateways = [world.server(name, RollCallBeat="300ms") for name in ("gateway01", "gateway02", "gateway03")]
    for gateway in gateways:
        await gateway.start()
        await gateway.becomes(200)

    async def boots(gateway):
        return await world.redis.ask(f"KEYS ringgate:boot:{gateway.name},*")
    killed, stopped, stays = gateways
    await world.log_in(killed, "alice")
    await world.log_in(stopped, "bob")
    for gateway in gateways:
        async def lives(gateway=gateway):
            return await boots(gateway)
        await world.until(f"Redis knows that {gateway.name} lives", lives)
    killed.child.kill()
    stopped.child.end()
    await stopped.ends()
    world.hold(not await boots(stopped), "the one that was stopped still counts")

    async def is_dead():
        return not await boots(killed)
    await world.until("the killed one counts no more", is_dead)
    world.hold(await boots(stays), "the one that lives does not count")
    await world.log_in(stays, "alice")
    world.note("stopped: void when it had ended; killed: void after its lease")


@drill("An instance that does not answer", "one of two chats hangs",
       "it is left out while the other one answers, and comes in again")
async def silent_instance(world):
    # Each shard finds out by its own requests: with one, all is known that is to be known.
    _, _, chat, gateway = await world.start("login01", "chat01", "chat02", "gateway01", EjectAfter="500ms", Shards=1)
    people = await world.log_in_many(gateway, "talker", 16)  # some for each chat, whatever their channels are
    chat.child.stop()
    talks = [await one.begin("chat.user.talk", world.messages.MessageReq(type=1, body="hello"), "nobody")
             for one in people]
    await gateway.counts("ringgate_instances_ejected", 1)
    waiting = len([one for one in talks if not one.done()])
    for one in await world.log_in_many(gateway, "later", 8):
        world.hold(await one.talk("nobody", "hello") == SUCCESS, "a talk failed although one chat answers")
    chat.child.resume()
    answers = await asyncio.gather(*talks)
    refused = [f"{header.status} {body!r}" for header, body in answers if header.status != SUCCESS]
    world.hold(not refused, f"{len(refused)} requests that it had were answered otherwise: {refused[:1]}")

    async def is_in_again():
        return await gateway.metric("ringgate_instances_ejected") == 0
    await world.until("it is in again", is_in_again)
    world.note(f"{waiting} requests waited for it, 8 later ones went to the other; all were answered")


ZONES = {"route_by": "account", "zones": [{"id": "zone_a", "weight": 1}, {"id": "zone_b", "weight": 1}]}


@drill("Zones", "of two zones with a chat each, one is lost, and comes back",
       "its accounts are served by the other one, which is counted by zone; later by their own again")
async def zone_lost(world):
    routes = world.folder / "zones.json"
    routes.write_text(json.dumps(ZONES), encoding="utf-8")
    await world.redis.start()
    chats = [world.server(f"chat0{number}", Zone=zone) for number, zone in ((1, "zone_a"), (2, "zone_b"))]
    gateway = world.server("gateway01", Selectors={"chat": "route"}, RouteFile=str(routes))
    for server in (world.server("login01"), *chats, gateway):
        await server.start()
    await gateway.becomes(200)
    people = [await world.log_in(gateway, f"person{number}") for number in range(6)]
    of_b = [one for one in people if zlib.crc32(one.account.encode()) % 2 == 1]
    world.hold(0 < len(of_b) < len(people), "the accounts are all of one zone")

    async def chosen(one):
        _, body = await gateway.page(f"/explain-route?app=kim&account={one.account}")
        return json.loads(body)["chosen"]

    async def is_lost():
        return [await chosen(one) for one in of_b] == ["chat01"] * len(of_b)

    async def is_back():
        return not await is_lost() and {await chosen(one) for one in of_b} == {"chat02"}
    await world.until("zone_b has its own", is_back)
    chats[1].child.kill()
    await world.until("chat01 serves zone_b", is_lost)
    for one in people:
        world.hold(await one.talk("nobody", "hello") == SUCCESS, f"a talk of {one.account} failed")
    await gateway.counts("ringgate_fallbacks_by_zone_total", len(of_b), 'zone="zone_b"')
    await chats[1].start()
    await world.until("zone_b has its own again", is_back)
    world.note(f"{len(of_b)} of 6 accounts went from chat02 to chat01, counted for zone_b, and back")


@drill("Consul", "Consul's agent is killed, and comes back without its data",
       "what is known stays in use, and who comes is let in; the log says why; afterwards all register again")
async def consul_away(world):
    await world.use_consul()
    login, chat, gateway = await world.start("login01", "chat01", "gateway01")
    alice, bob = await world.log_in(gateway, "alice"), await world.log_in(gateway, "bob")
    await reaches(world, alice, bob, "before")
    world.consul.kill()
    line = await gateway.says("Consul at")
    await reaches(world, alice, bob, "during")
    await world.log_in(gateway, "carol")
    await gateway.becomes(200)
    await world.consul.start()
    for name in ("login", "chat", "tgateway"):
        async def passes(name=name):
            status, body = await get(world.consul.port, f"/v1/health/service/{name}?passing")
            return status == 200 and '"Service"' in body
        await world.until(f"{name} is registered again and passes", passes)
    await world.log_in(gateway, "dave")
    world.note(line)
    world.note("carol was let in meanwhile; all three registered again")


@drill("Where messages are kept", "a second chat is started with the file of one that lives; the file is removed",
       "the second ends with 1 and says which process has it; the log says that the file is gone, and talks go on in a "
       "new one")
async def message_store(world):
    _, chat, gateway = await world.start("login01", "chat01", "gateway01")
    alice = await world.log_in(gateway, "alice")
    world.hold(await alice.talk("bob", "first") == SUCCESS, "the first talk failed")
    second = world.server("chat02", MessageStore=chat.keys["MessageStore"])
    await second.ends(1, second.spawn())
    said = (world.folder / "chat02.1.log").read_text(encoding="utf-8")
    world.hold(str(chat.child.pid) in said, f"it does not say which process: {said}")
    world.note(said.strip().splitlines()[-1])
    code, said = await world.command("store", "check", "-c", chat.config)
    world.hold(code == 0, f"store check ended with {code}: {said}")
    before = len(chat.child.output().splitlines())
    for file in world.folder.glob("chat01.db*"):
        if not file.name.endswith(".lock"):
            file.unlink()

    async def talks_again():
        return await alice.talk("bob", "second") == SUCCESS and len(chat.child.output().splitlines()) > before
    await world.until("the log says so, and talks go on", talks_again)
    world.note(chat.child.output().splitlines()[before])
