"""Clients: each logs in, talks, and comes again when it has lost its connection."""

import asyncio
import hashlib
import random
import re
import time

from . import plan, wire
from .ledger import SUCCESS

LOGIN_S = 8  # then it gives up
SILENCE_S = 6  # without a byte, although it pings each second
MOST_WAITING = 24  # requests without an answer, fewer than MaxChannelWaiting
RETRY = re.compile(r"retry_in_ms=(\d+)")
MOST_RETRY_S = 3


def text_of(name, dest, size):
    """What a talk says: all of it follows from its name, so that no other can be taken for it."""
    filler = hashlib.sha256(name.encode()).hexdigest()
    return f"{name} to {dest} " + (filler * (size // len(filler) + 1))[:size]


class Talker:
    """One account. It has one connection at a time."""

    def __init__(self, world, number, transport):
        self.world, self.transport = world, transport
        self.account = f"account{number:02}"
        self.draw = random.Random(f"client {number} {world.seed}")
        self.connection = self.stream = None  # while it is logged in
        self.channel_lost_at = time.monotonic()
        self.last_id = 0
        self.heard_at = 0

    @property
    def is_in(self):
        return self.connection is not None

    async def run(self):
        gateways = list(plan.GATEWAYS)
        self.draw.shuffle(gateways)
        while not self.world.is_over:
            why = await self.live(self.world.cluster.ways[f"{self.transport}>{gateways[0]}"])
            gateways.reverse()
            told = RETRY.search(why)
            await asyncio.sleep(min(int(told[1]) / 1000, MOST_RETRY_S) if told else self.draw.uniform(0.1, 0.6))

    async def live(self, way):
        """One connection; why it ended."""
        try:
            stream = await wire.STREAMS[self.transport].open(way.port)
        except (OSError, asyncio.TimeoutError) as error:
            self.world.ledger.counts["connects failed"] += 1
            return str(error)
        connection = self.world.ledger.connect(self.account, way, stream.local_port)
        why = "cancelled"
        try:
            await self.log_in(stream, connection)
            self.begin(stream, connection)
            why = await self.until_first_ends(self.listen(), self.keep_alive(), self.say())
        except wire.Ended as error:
            why = str(error) or "ended"
        except (OSError, asyncio.TimeoutError) as error:
            why = type(error).__name__
        except ValueError as error:
            why = f"malformed: {error}"
            connection.through = connection.through or way.by_port.get(connection.local_port)
            if not connection.tainted:
                self.world.ledger.breach(why, connection)
        finally:
            self.end(connection, why)
            stream.abort()
        return why

    async def until_first_ends(self, *parts):
        tasks = [asyncio.ensure_future(part) for part in parts]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def begin(self, stream, connection):
        self.stream, self.connection = stream, connection
        self.world.longest_away_s = max(self.world.longest_away_s, time.monotonic() - self.channel_lost_at)

    def end(self, connection, why):
        if self.connection is not None:
            self.channel_lost_at = time.monotonic()
        self.stream = self.connection = None
        self.world.ledger.close(connection, why)

    # --- Requests ----------------------------------------------------------------------------

    async def log_in(self, stream, connection):
        messages, ledger = self.world.messages, self.world.ledger
        sequence = ledger.ask(connection, "login.signin")
        body = messages.LoginReq(token=wire.token(self.account, self.world.cluster.secret)).SerializeToString()
        await stream.send(wire.packet(messages.Header(command="login.signin", sequence=sequence), body))
        payload = await asyncio.wait_for(stream.receive(), LOGIN_S)
        connection.through = connection.way.by_port.get(connection.local_port)
        first = wire.parse(messages, payload)
        if first is None:
            raise ValueError("a pong before the login's answer, and no ping")
        header, answer = first
        if header.flag != messages.Response or header.command != "login.signin":
            ledger.breach(f"the first packet is {header.command}, flag {header.flag}", connection)
        ledger.on_answer(connection, header, answer)
        if header.status != SUCCESS:
            ledger.counts["logins failed"] += 1
            raise wire.Ended(f"login answered {header.status}")
        response = wire.decode(messages.LoginResp, answer)
        connection.channel = response.channelId
        if response.account != self.account and not connection.tainted:
            ledger.breach(f"logged in as {response.account}", connection)
        ledger.counts["logins"] += 1
        self.world.diary.note(f"logged in: {connection}")

    async def ask(self, command, body=None, dest="", talk=None):
        """Its sequence. Raises OSError when there is no connection any more."""
        stream, connection = self.stream, self.connection
        if connection is None:
            raise ConnectionError("not logged in")
        sequence = self.world.ledger.ask(connection, command, talk)
        header = self.world.messages.Header(command=command, sequence=sequence, dest=dest)
        await stream.send(wire.packet(header, body.SerializeToString() if body is not None else b""))
        return sequence

    async def talk(self, dest, size, command="chat.user.talk", receivers=None):
        connection = self.connection
        if connection is None:
            raise ConnectionError("not logged in")
        name = f"t{connection.number}.{connection.sequence + 1}"
        text = text_of(name, dest, size)
        talk = self.world.ledger.talk(connection, dest, text, receivers or {dest})
        await self.ask(command, self.world.messages.MessageReq(type=1, body=text), dest, talk)
        return talk

    async def say(self):
        """What people do."""
        pause = len(self.world.talkers) / self.world.rate
        while True:
            await asyncio.sleep(min(self.draw.expovariate(1 / pause), 5 * pause))
            if self.world.is_quiet or len(self.connection.waiting) >= MOST_WAITING:
                continue
            await self.say_something(self.draw.random())

    async def say_something(self, what):
        messages, size = self.world.messages, self.draw.choice((10, 60, 60, 200, 200, 1000, 9000))
        if what < 0.85:
            dest = self.draw.choice([one.account for one in self.world.talkers if one is not self])
            await self.talk(dest, size)
        elif what < 0.91 and self.world.ledger.members:
            group, members = self.draw.choice(list(self.world.ledger.members.items()))
            if self.account in members:
                await self.talk(group, size, "chat.group.talk", members)
        elif what < 0.96 and self.last_id:
            await self.ask("chat.talk.ack", messages.MessageAckReq(messageId=self.last_id))
        elif what < 0.98 and self.last_id:
            await self.ask("chat.offline.index", messages.MessageIndexReq(message_id=self.last_id))
        else:
            await self.ask("chat.unknown")

    # --- The connection ----------------------------------------------------------------------

    async def keep_alive(self):
        self.heard_at = time.monotonic()
        while True:
            await asyncio.sleep(1)
            await self.stream.send(wire.PING)
            if time.monotonic() - self.heard_at > SILENCE_S:
                raise wire.Ended("silent: given up")

    async def listen(self):
        ledger, connection, stream = self.world.ledger, self.connection, self.stream
        messages = self.world.messages
        while True:
            payload = await stream.receive()
            self.heard_at = time.monotonic()
            if connection.tainted:
                ledger.counts["of altered connections"] += 1
                continue
            found = wire.parse(messages, payload)
            if found is None:
                continue
            header, body = found
            if header.flag == messages.Response:
                ledger.on_answer(connection, header, body)
                self.take(connection.number, header, body)
                if header.status == messages.SessionNotFound:
                    raise wire.Ended("answered 404")
            elif header.command in ("chat.user.talk", "chat.group.talk"):
                self.last_id = max(self.last_id, ledger.on_push(connection, header, body))
            elif header.command == "login.signin":
                ledger.counts["kick-outs"] += 1
            elif header.command != "chat.group.create" and not connection.tainted:
                ledger.breach(f"a push of {header.command}", connection)

    def take(self, number, header, body):
        """An answer that somebody of the run waits for."""
        waiter = self.world.waiters.pop((number, header.sequence), None)
        if waiter is not None and not waiter.done():
            waiter.set_result((header, body))

    async def ask_and_wait(self, command, body, seconds, dest=""):
        """(header, body) of the answer. Raises OSError, or TimeoutError."""
        connection = self.connection
        waiter = asyncio.get_running_loop().create_future()
        if connection is None:
            raise ConnectionError("not logged in")
        self.world.waiters[connection.number, connection.sequence + 1] = waiter
        await self.ask(command, body, dest)
        return await asyncio.wait_for(waiter, seconds)
