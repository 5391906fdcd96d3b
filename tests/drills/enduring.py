"""What clients and machines do to a gateway that serves."""

import socket

from .book import drill

BODY = "x" * 19_000


@drill("Clients that do not read", "a client does not read what is pushed to it",
       "it is closed as `slow_consumer` when its queue is full; its neighbour has every message")
async def slow_consumer(world):
    _, _, gateway = await world.start("login01", "chat01", "gateway01", MaxQueuedBytes="64KiB", MaxUnsentBytes="16KiB")
    alice, bob = await world.log_in(gateway, "alice"), await world.log_in(gateway, "bob")
    deaf = await world.log_in(gateway, "deaf")
    deaf.reader.cancel()
    deaf.stream.writer.transport.pause_reading()
    deaf.stream.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sent = 0

    async def is_closed():
        nonlocal sent
        for name in ("deaf", "bob"):
            await alice.talk(name, BODY)
        sent += 1
        return await gateway.metric("ringgate_closed_by_reason_total", '"slow_consumer"') == 1
    await world.until("it is closed as slow_consumer", is_closed)
    await world.until("bob has all", lambda: len(bob.pushes) == sent)
    world.hold(await alice.ping() and await bob.ping(), "a neighbour was closed")
    world.note(f"closed with {sent} messages of 19 kB; its neighbour got all {sent}")


@drill("Where io_uring is forbidden",
       "a gateway starts where a seccomp filter forbids io_uring, with Ring: auto and Ring: io_uring",
       "auto runs on epoll: the log, `/ready` and `ringgate_ring_info` say so; io_uring refuses to start")
async def io_uring_forbidden(world):
    await world.start("login01", "chat01")
    gateway = world.server("gateway01", Ring="auto")
    gateway.child = gateway.spawn(before=world.forbidding)
    await gateway.says("shards run on epoll")
    said = await gateway.becomes(200, "warning: shards run on epoll")
    world.hold(await gateway.metric("ringgate_ring_info", '"epoll"') == 1, "ringgate_ring_info does not say epoll")
    alice, bob = await world.log_in(gateway, "alice"), await world.log_in(gateway, "bob")
    await alice.talk("bob", "hello")
    await world.until("the talk arrives", lambda: bob.has("hello"))
    strict = world.server("gateway02", Ring="io_uring")
    await strict.ends(1, strict.spawn(before=world.forbidding))
    world.note([line for line in said.splitlines() if "epoll" in line][0])
    world.note((world.folder / "gateway02.1.log").read_text(encoding="utf-8").strip().splitlines()[-1])
