"""Can the suite fail? autobahn's own server, with one fault at a time, against cases that name it.

usage: judge_test.py [-v]
"""

import asyncio
import contextlib
import io
import socket
import unittest

import txaio
import websockets_client
from autobahn.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.compress import PerMessageDeflateOfferAccept

from case import Verdict
from run import all_cases, run_case
from server import ssl_of

# Some faults show in nothing happening: with the shortest limit that is seen soonest. Where it was
# too short for what does happen, because the machine is busy, a longer one is next.
LIMITS_S = (0.3, 3, 30)

BY_ID = {case.id: case for case in all_cases([])}


class Sound(WebSocketServerProtocol):
    def onMessage(self, payload, isBinary):
        self.sendMessage(payload, isBinary)


class Mute(Sound):
    def onPing(self, payload):
        pass


class Shortens(Sound):
    def onMessage(self, payload, isBinary):
        self.sendMessage(payload[:-1], isBinary)


class Flips(Sound):
    def onMessage(self, payload, isBinary):
        self.sendMessage(payload[:-1] + bytes([payload[-1] ^ 1]), isBinary)


class SwapsKinds(Sound):
    def onMessage(self, payload, isBinary):
        self.sendMessage(payload, not isBinary)


class Twice(Sound):
    def onMessage(self, payload, isBinary):
        super().onMessage(payload, isBinary)
        super().onMessage(payload, isBinary)


class OtherCode(Sound):
    def _fail_connection(self, code=1001, reason=""):
        super()._fail_connection(1008, reason)


class HoldsTcp(Sound):
    def dropConnection(self, abort=False):
        pass


class TalksAfterClose(Sound):
    def sendCloseFrame(self, *args, **options):
        super().sendCloseFrame(*args, **options)
        self.sendFrame(opcode=1, payload=b"one more thing")


class BrokenReason(Sound):
    def sendCloseFrame(self, code=None, reasonUtf8=None, isReply=False):
        super().sendCloseFrame(code, b"\xff", isReply)


class Reserved(Sound):
    def onMessage(self, payload, isBinary):
        self.sendFrame(opcode=1, payload=payload, rsv=2)


def take_deflate(offers):
    return PerMessageDeflateOfferAccept(offers[0]) if offers else None


SOUND_OPTIONS = {
    "failByDrop": False,
    "echoCloseCodeReason": True,
    "maxMessagePayloadSize": 16 << 20,
    "maxFramePayloadSize": 16 << 20,
}

# (name, protocol, options, case, its verdict, a part of what is said)
FAULTS = (
    ("no pong", Mute, {}, "2.2", "FAILED", "saw 0 events"),
    ("a byte less", Shortens, {}, "1.2.5.0", "FAILED", "saw 1 events"),
    ("a flipped bit", Flips, {}, "1.2.7.997", "FAILED", "saw 1 events"),
    ("text for binary", SwapsKinds, {}, "1.2.2.0", "FAILED", "[text"),
    ("two echoes", Twice, {}, "1.1.2.0", "FAILED", "saw 2 events"),
    ("RSV set", Reserved, {}, "1.1.2.0", "FAILED", "broke a rule"),
    ("masks", Sound, {"maskServerFrames": True}, "1.1.2.0", "FAILED", "broke a rule"),
    ("minds no masks", Sound, {"requireMaskedClientFrames": False}, "8.1.1", "FAILED", "no close"),
    ("minds no UTF-8", Sound, {"utf8validateIncoming": False}, "6.3.1.1", "FAILED", "saw 1"),
    ("drops without a word", Sound, {"failByDrop": True}, "3.1.1.1", "FAILED", "without a close"),
    ("another code", OtherCode, {}, "4.3.1", "FAILED", "close code 1008"),
    ("another code for UTF-8", OtherCode, {}, "6.4.1", "FAILED", "close code 1008"),
    ("always 1000", Sound, {"echoCloseCodeReason": False}, "7.7.3000.1", "NON-STRICT", "1000"),
    ("holds the TCP connection", HoldsTcp, {}, "7.3.4", "FAILED", "not dropped"),
    ("talks after its close", TalksAfterClose, {}, "7.3.4", "FAILED", "broke a rule"),
    ("a reason of no text", BrokenReason, {}, "7.3.4", "FAILED", "no UTF-8"),
    ("no bound", Sound, {"maxMessagePayloadSize": 0, "maxFramePayloadSize": 0}, "9.9.3.2",
     "FAILED", "no close"),
    ("takes deflate", Sound, {"perMessageCompressionAccept": take_deflate}, "11.4.1",
     "FAILED", "broke a rule"),
    ("knows no 1014", Sound, {}, "7.7.1014.1", "FAILED", "close code 1002"),
    ("a page for those who do not upgrade", Sound, {}, "11.5.2.0", "FAILED", "200"),
)  # fmt: skip


@contextlib.asynccontextmanager
async def serving(protocol, options):
    """The URL of a server."""
    loop = txaio.config.loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}"
        factory = WebSocketServerFactory(url, loop=loop)
        factory.protocol = protocol
        factory.setProtocolOptions(**{**SOUND_OPTIONS, **options})
        server = await loop.create_server(factory, sock=listener)
        try:
            yield url
        finally:
            server.close()


async def against(protocol, options, case, limit_s):
    async with serving(protocol, options) as url:
        return await run_case(url, case, limit_s)


class BusyMachine(asyncio.SelectorEventLoop):
    """Between two of its turns hours pass: each limit of seconds that there is comes to its end."""

    def time(self):
        return super().time() * 1e7


async def second_client(test):
    """What the other client's run of a test says, if the server sets no limit of time."""
    endless = {"openHandshakeTimeout": 0, "closeHandshakeTimeout": 0}
    async with serving(Sound, endless) as url:
        with contextlib.redirect_stdout(io.StringIO()) as said:
            await websockets_client.run_one(test, url, None)
        return said.getvalue()


class Judge(unittest.TestCase):
    def test_faults_are_found(self):
        for name, protocol, options, number, verdict, said in FAULTS:
            with self.subTest(name):
                for limit_s in LIMITS_S:
                    seen = asyncio.run(against(protocol, options, BY_ID[number], limit_s))
                    if seen[0].value == verdict and said in seen[1]:
                        break
                self.assertEqual(seen[0].value, verdict, seen)
                self.assertIn(said, seen[1])

    def test_a_sound_server_passes(self):
        for number in sorted({fault[3] for fault in FAULTS} - {"7.7.1014.1", "11.5.2.0"}):
            with self.subTest(number):
                seen = asyncio.run(against(Sound, {}, BY_ID[number], LIMITS_S[-1]))
                self.assertEqual(seen, (Verdict.OK, ""))


class SecondClient(unittest.TestCase):
    def test_no_limit_of_the_library_fails_a_test_on_a_busy_machine(self):
        for test in (websockets_client.fifty_connections, websockets_client.the_client_closes):
            with self.subTest(test.__name__), asyncio.Runner(loop_factory=BusyMachine) as runner:
                self.assertIn("OK ", runner.run(second_client(test)))

    def test_what_the_machine_trusts_is_read_once(self):
        self.assertIs(ssl_of("wss://127.0.0.1:1/"), ssl_of("wss://127.0.0.1:2/"))
        self.assertIsNone(ssl_of("ws://127.0.0.1:1/"))


if __name__ == "__main__":
    unittest.main()
