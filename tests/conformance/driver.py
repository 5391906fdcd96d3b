"""The client: autobahn's, told to send what a case wants and to write down what comes back.

The limits of time bound waits for a condition; nothing here waits for time to pass.
"""

import asyncio
import base64
import dataclasses
import logging
import os
from typing import Optional

import txaio
from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol
from autobahn.websocket import protocol as autobahn_protocol

import wire
from case import Closer, Message, Pong
from server import ssl_of

# It logs each failure we provoke.
logging.getLogger().addHandler(logging.NullHandler())
logging.disable(logging.CRITICAL)

# Its own masker, in plain Python, takes seconds for the large messages.
autobahn_protocol.create_xor_masker = wire.Masker

CHOPS_PER_TURN = 32


@dataclasses.dataclass(frozen=True)
class Opening:
    """An upgrade request of our own; `text` has %(host)s and %(key)s to fill in."""

    text: str
    chop: Optional[int] = None
    then: bytes = b""  # frames in the same write
    first_bytes: Optional[int] = None  # of that write; the rest follows in another one


class Driver(WebSocketClientProtocol):
    def __init__(self):
        super().__init__()
        self.events = []
        self.server_close = None  # (code or None, reason)
        self.close_sent = False
        self.has_opened = False
        self.is_lost = False
        self.reset = None  # the error that ended the connection instead of an end of file
        self.violation = None
        self.failed_early = None
        self._waiters = []

    # Waiting

    @property
    def over(self):
        return self.is_lost or self.server_close is not None

    async def until(self, condition, limit_s=None):
        """Waits for the condition or the end of the connection. False: neither in time."""
        return await self._wait(lambda: condition() or self.over, limit_s)

    async def until_lost(self):
        return await self._wait(lambda: self.is_lost, None)

    async def _wait(self, condition, limit_s):
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (self.factory.limit_s if limit_s is None else limit_s)
        while not condition():
            waiter = loop.create_future()
            self._waiters.append(waiter)
            try:
                await asyncio.wait_for(waiter, deadline - loop.time())
            except asyncio.TimeoutError:
                return condition()
        return True

    def _changed(self):
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def turn(self):
        """Lets the answers in."""
        await asyncio.sleep(0)

    # Sending

    def _actuallyStartHandshake(self, request_options):
        opening = self.factory.opening
        if opening is None:
            super()._actuallyStartHandshake(request_options)
            return
        self.websocket_key = base64.b64encode(os.urandom(16))
        host = f"{request_options.host}:{request_options.port}"
        data = opening.text % {"host": host, "key": self.websocket_key.decode()}
        data = data.replace("\n", "\r\n").encode() + opening.then
        split = opening.first_bytes or len(data)
        self.sendData(data[:split], chopsize=opening.chop)
        if data[split:]:
            self.sendData(data[split:], sync=True)

    def sendFrame(self, opcode, *args, **options):
        if opcode == wire.CLOSE and not self.over:
            self.close_sent = True
        super().sendFrame(opcode, *args, **options)

    def sendData(self, data, sync=False, chopsize=None):
        if self.transport is None or self.server_close is not None:
            return
        super().sendData(data, sync, chopsize)

    def _send(self):
        """Autobahn's pump of the chopped writes takes one for each turn of the loop: too slow."""
        for _ in range(CHOPS_PER_TURN):
            if self.over or self.transport is None:
                self.send_queue.clear()
            if not self.send_queue:
                self.triggered = False
                return
            self.transport.write(self.send_queue.popleft()[0])
        asyncio.get_running_loop().call_soon(self._send)

    # What comes back

    def onOpen(self):
        self.has_opened = True
        self._changed()

    def _note(self, event):
        if self.server_close is not None:
            self.violation = f"{event} after its close frame"
        self.events.append(event)
        self._changed()

    def onMessage(self, payload, isBinary):
        self._note(Message(bytes(payload), isBinary))

    def onPong(self, payload):
        self._note(Pong(bytes(payload)))

    def onPing(self, payload):
        self.violation = "it sent a ping without being asked"

    def onCloseFrame(self, code, reasonRaw):
        """Answers at once, and leaves the end of the TCP connection to the server."""
        if self.server_close is not None:
            self.violation = "it sent a second close frame"
            return False
        try:
            (reasonRaw or b"").decode()
        except UnicodeDecodeError:
            self.violation = f"the reason of its close is no UTF-8: {reasonRaw!r}"
        if not self.close_sent:
            self.sendFrame(wire.CLOSE, wire.close_payload(code))
        self.server_close = (code, reasonRaw or b"")
        self._changed()
        return False

    def _fail_connection(self, code=1001, reason=""):
        self.violation = reason
        super()._fail_connection(code, reason)

    def connection_lost(self, exc):
        if exc is not None:
            self._read_what_is_left()
            self.reset = type(exc).__name__
        self.is_lost = True
        super().connection_lost(exc)
        self._changed()

    def _read_what_is_left(self):
        """A write that failed ends asyncio's reading, with the server's close still unread."""
        while self.receive_queue:
            self._dataReceived(self.receive_queue.popleft())
        if self.transport.get_extra_info("ssl_object") is not None:
            return  # what is left in the socket is sealed
        try:
            while data := os.read(self.transport.get_extra_info("socket").fileno(), 65536):
                self._dataReceived(data)
        except OSError:
            pass


def make_factory(url, case, limit_s):
    factory = WebSocketClientFactory(url, loop=asyncio.get_running_loop(), **case.session)
    factory.protocol = Driver
    factory.opening = case.request
    factory.limit_s = limit_s
    # All limits are ours; the echo is compared byte by byte, which is more than valid UTF-8.
    factory.setProtocolOptions(
        utf8validateIncoming=False,
        openHandshakeTimeout=0,
        closeHandshakeTimeout=0,
        serverConnectionDropTimeout=0,
        **case.options,
    )
    return factory


async def drive(url, case, limit_s):
    """Runs the case and returns the driver, with all that it saw."""
    loop = asyncio.get_running_loop()
    txaio.config.loop = loop
    factory = make_factory(url, case, limit_s)
    _, driver = await loop.create_connection(
        factory, factory.host, factory.port, ssl=ssl_of(url)
    )
    try:
        await driver.until(lambda: driver.has_opened)
        if driver.has_opened:
            await run_steps(case, driver)
        else:
            driver.violation = driver.wasNotCleanReason or "no answer to the upgrade in time"
    finally:
        if driver.transport is not None:
            driver.transport.abort()
    return driver


async def run_steps(case, driver):
    for step in case.steps:
        await step.run(driver)
    if case.closing.closer == Closer.RUNNER:
        await driver.until(lambda: len(driver.events) >= len(case.expect))
        driver.sendFrame(wire.CLOSE, wire.close_payload(1000))
    if await driver.until(lambda: False):
        await driver.until_lost()
