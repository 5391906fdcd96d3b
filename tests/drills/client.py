"""A client of a drill: it logs in and then does what the drill says; what comes, it notes."""

import asyncio

from chaos import wire

PATIENCE_S = 30
SUCCESS = 0


class Refused(Exception):
    """A login that was answered with an error; `status` says which."""

    def __init__(self, status):
        super().__init__(f"the login was answered {status}")
        self.status = status


async def log_in(world, gateway, account, secret=None, port=None):
    """Raises Refused, wire.Ended or OSError."""
    stream = await wire.TcpStream.open(port or gateway.port)
    one = Client(world.messages, stream, account)
    try:
        body = world.messages.LoginReq(token=wire.token(account, secret or world.secret))
        header, answer = await one.ask("login.signin", body)
        if header.status != SUCCESS:
            raise Refused(header.status)
    except BaseException:
        one.abort()
        raise
    one.channel = wire.decode(world.messages.LoginResp, answer).channelId
    return one


class Client:
    def __init__(self, messages, stream, account):
        self.messages, self.stream, self.account = messages, stream, account
        self.channel = None
        self.sequence = 0
        self.waiting = {}  # sequence to a future
        self.pongs = 0
        self.pushes = []  # (header, body)
        self.closed = asyncio.get_running_loop().create_future()  # to why
        self.reader = asyncio.ensure_future(self.read())

    async def read(self):
        why = "ended"
        try:
            while True:
                self.take(wire.parse(self.messages, await self.stream.receive()))
        except (wire.Ended, ValueError) as error:
            why = str(error)
            self.stream.writer.close()
        finally:
            if not self.closed.done():
                self.closed.set_result(why)
            for waiter in self.waiting.values():
                if not waiter.done():
                    waiter.set_exception(wire.Ended(why))

    def take(self, packet):
        if packet is None:
            self.pongs += 1
            return
        header, body = packet
        waiter = self.waiting.pop(header.sequence, None) if header.flag == self.messages.Response else None
        if waiter is None:
            self.pushes.append((header, body))
        elif not waiter.done():
            waiter.set_result((header, body))

    async def ask(self, command, body=None, dest=""):
        """(header, body) of the answer. Raises wire.Ended where none comes any more."""
        answer = await self.begin(command, body, dest)
        return await asyncio.wait_for(answer, PATIENCE_S)

    async def begin(self, command, body=None, dest=""):
        """A future of the answer."""
        if self.closed.done():
            raise wire.Ended(self.closed.result())
        self.sequence += 1
        waiter = self.waiting[self.sequence] = asyncio.get_running_loop().create_future()
        waiter.add_done_callback(lambda done: done.cancelled() or done.exception())
        header = self.messages.Header(command=command, sequence=self.sequence, dest=dest)
        await self.stream.send(wire.packet(header, body.SerializeToString() if body is not None else b""))
        return waiter

    async def talk(self, dest, text):
        """The status of the answer."""
        header, _ = await self.ask("chat.user.talk", self.messages.MessageReq(type=1, body=text), dest)
        return header.status

    async def ping(self):
        """Whether it is answered."""
        before = self.pongs
        await self.stream.send(wire.PING)
        for _ in range(PATIENCE_S * 100):
            if self.pongs > before or self.closed.done():
                break
            await asyncio.sleep(0.01)
        return self.pongs > before

    def has(self, text):
        """Whether a message with that text has come."""
        return any(self.messages.MessagePush.FromString(body).body == text for header, body in self.pushes
                   if header.command == "chat.user.talk")

    @property
    def is_open(self):
        return not self.closed.done()

    async def is_closed(self):
        """Why, once it is."""
        return await asyncio.wait_for(asyncio.shield(self.closed), PATIENCE_S)

    def abort(self):
        self.reader.cancel()
        self.stream.abort()
