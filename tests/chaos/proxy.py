"""The fault proxy: a listener for each way that bytes go, and what can be done to those that go there.

    hold       nothing gets through, nothing is lost: it goes on afterwards
    half-open  nothing gets through, nobody is told, and afterwards each connection of then is reset
    refuse     who comes is reset at once
    garbage    from a frame's end on, the receiver gets something that is no frame of the protocol
    flip       one bit is another one
"""

import asyncio
import contextlib
import socket
import struct
import time

CHUNK = 65536
FLIPPED_S = 2  # for so long one whose bit was flipped goes on


class Frames:
    """Where the frames of one direction begin: u8 opcode, u32 length, payload."""

    def __init__(self):
        self.head, self.left = b"", 0

    @property
    def between(self):
        return not self.head and not self.left

    def feed(self, data):
        """The first place in `data` at which a frame begins, or None."""
        at, first = 0, None
        while at < len(data):
            if self.left:
                step = min(self.left, len(data) - at)
                self.left -= step
                at += step
                continue
            if not self.head and first is None:
                first = at
            piece = data[at:at + 5 - len(self.head)]
            self.head += piece
            at += len(piece)
            if len(self.head) == 5:
                self.left, self.head = int.from_bytes(self.head[1:], "big"), b""
        return first


class Direction:
    """From one end of a connection to the other."""

    def __init__(self, source, sink, framed):
        self.source, self.sink = source, sink  # StreamReader, StreamWriter
        self.frames = Frames() if framed else None
        self.garbage = None  # to be sent at the next frame's end
        self.spoilt_at = None  # from when on nothing more gets through
        self.flip_at = None  # which bit of the next chunk
        self.ended = False

    def spoil(self, garbage):
        self.garbage = garbage
        if self.frames.between:
            self.sink.write(self.take_garbage())

    def take_garbage(self):
        garbage, self.garbage = self.garbage, None
        self.spoilt_at = time.monotonic()
        return garbage

    def change(self, data):
        """What the sink gets for it."""
        if self.spoilt_at is not None:
            return b""
        if self.flip_at is not None:
            bit, self.flip_at = self.flip_at % (8 * len(data)), None
            data = bytearray(data)
            data[bit // 8] ^= 1 << bit % 8
            return bytes(data)
        if self.frames is None:
            return data
        start = self.frames.feed(data)
        if self.garbage is None:
            return data
        if start is not None:
            return data[:start] + self.take_garbage()
        return data + self.take_garbage() if self.frames.between else data


class Through:
    """One connection: from who dialled (near) to whom (far)."""

    def __init__(self, way, near):
        self.way, self.near, self.far = way, near, None
        self.lost = False  # half-open
        self.tainted = False  # something in it was altered
        self.to_far = self.to_near = None

    async def run(self):
        try:
            await self.way.passable.wait()
            if self.way.lossy:
                self.lost = True
            else:
                self.far = await asyncio.open_connection("127.0.0.1", self.way.target)
                set_no_delay(self.far[1])
            await self.carry()
        except OSError:
            pass
        finally:
            self.abort()

    async def carry(self):
        if self.far is None:
            with contextlib.suppress(OSError):
                while await self.near[0].read(CHUNK):
                    pass
            return
        framed = self.way.framed
        self.to_far = Direction(self.near[0], self.far[1], framed)
        self.to_near = Direction(self.far[0], self.near[1], framed)
        await asyncio.gather(self.pump(self.to_far), self.pump(self.to_near))

    async def pump(self, direction):
        way = self.way
        try:
            while data := await direction.source.read(way.rate // 10 if way.rate else CHUNK):
                if way.delay_s:
                    await asyncio.sleep(way.delay_s)
                if way.rate:
                    await asyncio.sleep(len(data) / way.rate)
                await way.passable.wait()
                if not self.lost:
                    direction.sink.write(direction.change(data))
                    await direction.sink.drain()
            await way.passable.wait()
            direction.ended = True
            if not self.lost and direction.sink.can_write_eof():
                direction.sink.write_eof()
        except OSError:  # the other end is to see a reset, too
            direction.ended = True
            if not self.lost:
                self.abort()

    def abort(self):
        """A reset at both ends."""
        for end in (self.near, self.far):
            if end is None:
                continue
            sock = end[1].get_extra_info("socket")
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end[1].transport.abort()

    def spoil(self, direction, garbage):
        self.tainted = True
        direction.spoil(garbage)

    def flip(self, direction, bit):
        self.tainted = True
        direction.flip_at = bit
        asyncio.get_running_loop().call_later(FLIPPED_S, self.abort)


def set_no_delay(writer):
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Way:
    """A listener, and what happens to those who come through it."""

    def __init__(self, name, target, framed):
        self.name, self.target, self.framed = name, target, framed
        self.delay_s, self.rate = 0, 0  # seconds for each chunk; bytes a second, 0: all
        self.refusing = self.lossy = False
        self.passable = asyncio.Event()
        self.passable.set()
        self.open = set()
        self.by_port = {}  # of who dialled: the last one from there
        self.spoilt = []  # (Through, the direction that was spoilt)
        self.changes = []  # when a connection came or went
        self.server = None

    async def start(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)

    @property
    def port(self):
        return self.server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        through = Through(self, (reader, writer))
        if self.refusing:
            through.abort()
            return
        set_no_delay(writer)
        self.by_port[writer.get_extra_info("peername")[1]] = through
        self.open.add(through)
        self.changes.append(time.monotonic())
        try:
            await through.run()
        except asyncio.CancelledError:
            through.abort()  # the end of the run
        finally:
            self.open.discard(through)
            self.changes.append(time.monotonic())

    def cut(self):
        for through in list(self.open):
            through.abort()
        return len(self.open)

    def lose(self):
        self.lossy = True
        for through in self.open:
            through.lost = True

    def heal(self):
        """The faults that last are over."""
        self.delay_s, self.rate = 0, 0
        self.refusing = self.lossy = False
        for through in list(self.open):
            if through.lost:
                through.abort()
        self.passable.set()

    def still_open_although_spoilt(self):
        return [through for through, direction in self.spoilt
                if through in self.open and not self.other_way(through, direction).ended]

    @staticmethod
    def other_way(through, direction):
        return through.to_near if direction is through.to_far else through.to_far

    def close(self):
        self.server.close()
        self.cut()
