"""A second client, Debian's python3-websockets, against the echo server.

usage: websockets_client.py (--binary PATH/ringgate | --server ws://HOST:PORT/)

One line for each test. The test of SIGTERM needs --binary: it starts a server of its own.
"""

import argparse
import asyncio
import logging
import sys

import websockets

from server import add_options, run_against_server, ssl_of, wsecho
from wire import BINARY, PING, TEXT, frame

LIMIT_S = 120
NEVER_S = 24 * 3600.0  # where None stands for the library's own limit
MIB = 1 << 20

# The library logs each failure we provoke.
logging.disable(logging.CRITICAL)


class Failure(Exception):
    pass


def expect(seen, wanted):
    if seen != wanted:
        raise Failure(f"saw {shown(seen)}, expected {shown(wanted)}")


def shown(value):
    return f"<{len(value)} of {type(value).__name__}>" if len(repr(value)) > 60 else repr(value)


def connect(url, **options):
    """No pings of its own, no bound, and no limit of time but that of the test, which knows how busy
    the machine may be: each test says what it wants."""
    context = ssl_of(url)
    if context is not None:
        options = {"ssl_handshake_timeout": NEVER_S, "ssl_shutdown_timeout": NEVER_S, **options}
    limits = {"open_timeout": None, "close_timeout": NEVER_S, "ping_timeout": NEVER_S}
    return websockets.connect(
        url, ssl=context, **{"ping_interval": None, "max_size": None, **limits, **options})


async def echo(socket, message, wanted=None):
    await socket.send(message)
    expect(await socket.recv(), message if wanted is None else wanted)


async def text_and_binary(url):
    async with connect(url) as socket:
        for size in (0, 1, 125, 126, 127, 65535, 65536, MIB):
            await echo(socket, "é" * (size // 2))
            await echo(socket, bytes(range(256)) * (size // 256) + bytes(size % 256))


async def no_extension_is_taken(url):
    async with connect(url, compression="deflate", subprotocols=["chat"]) as socket:
        expect(socket.extensions, [])
        expect(socket.subprotocol, None)
        await echo(socket, "x" * 10000)


async def browser_like_headers(url):
    headers = {"User-Agent": "Mozilla/5.0", "Cookie": "a=b", "Accept-Language": "en"}
    async with connect(url, extra_headers=headers) as socket:
        await echo(socket, "hello")


async def fragments_from_an_iterable(url):
    async with connect(url) as socket:
        parts = [f"part {number} – " for number in range(100)]
        await echo(socket, parts, "".join(parts))
        pieces = [bytes([number]) * number for number in range(200)]
        await echo(socket, pieces, b"".join(pieces))
        await echo(socket, ["only one"], "only one")


async def fragments_from_an_async_iterable(url):
    async def parts():
        for number in range(20):
            yield b"%d " % number
            await asyncio.sleep(0)

    async with connect(url) as socket:
        await echo(socket, parts(), b"".join([b"%d " % number for number in range(20)]))


async def ping_between_fragments(url):
    async with connect(url) as socket:

        async def parts():
            yield "before "
            await (await socket.ping(b"inside"))
            yield "after"

        await echo(socket, parts(), "before after")


async def pings_are_answered(url):
    async with connect(url) as socket:
        for size in (0, 1, 125):
            latency_s = await (await socket.ping(b"p" * size))
            expect(0 < latency_s < LIMIT_S, True)
        waiting = [await socket.ping(b"%d" % number) for number in range(100)]
        await asyncio.gather(*waiting)
        await echo(socket, "still open")


async def keepalive_pings_of_the_client(url):
    """It pings all the time; its next ping waits for the pong to the one before."""
    async with connect(url, ping_interval=0.01) as socket:
        for number in range(200):
            await echo(socket, "m" * number)
            await (await socket.ping())


async def the_client_closes(url):
    for code in (1000, 1001, 1003, 1008, 1011, 3000, 4999):
        for reason in ("", "bye", "γεια"):
            async with connect(url) as socket:
                await echo(socket, "hello")
                await socket.close(code, reason)
                expect((socket.close_code, socket.closed), (code, True))


async def code_of_the_server(socket):
    try:
        await socket.recv()
    except websockets.ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None
    raise Failure("a message came where the server had to close")


async def the_server_closes(url):
    broken = (
        (1007, frame(TEXT, b"\xff")),
        (1002, frame(3, b"reserved")),
        (1002, frame(0, b"nothing to continue")),
        (1002, frame(PING, b"x" * 126)),
        (1002, frame(TEXT, b"no mask", key=None)),
    )
    for code, data in broken:
        async with connect(url) as socket:
            await echo(socket, "hello")
            socket.transport.write(data)  # the library itself would refuse to
            expect(await code_of_the_server(socket), code)


async def a_message_too_big_for_the_server(url):
    async with connect(url) as socket:
        await socket.write_frame(False, BINARY, bytes(16 * MIB))
        await socket.write_frame(True, 0, b"x")
        expect(await code_of_the_server(socket), 1009)


async def a_message_too_big_for_the_client(url):
    """The client closes with 1009 and reads no more; the server has to live with that."""
    async with connect(url, max_size=1000) as socket:
        await echo(socket, "x" * 1000)
        await socket.send("x" * 1001)
        try:
            await socket.recv()
        except websockets.ConnectionClosedError as closed:
            expect(closed.sent and closed.sent.code, 1009)
        else:
            raise Failure("the library did not mind 1001 bytes")
    async with connect(url) as socket:
        await echo(socket, "after it")


async def the_largest_message(url):
    async with connect(url) as socket:
        await echo(socket, bytes(range(256)) * (16 * MIB // 256))
        await echo(socket, [b"a" * MIB] * 16, b"a" * (16 * MIB))
        await echo(socket, "after it")


async def a_reader_that_lags(url):
    """All is sent before anything is read; the client's own queue bounds what it takes."""
    async with connect(url, max_queue=4) as socket:
        messages = [b"%d" % number * 200 for number in range(300)]
        sending = asyncio.ensure_future(send_all(socket, messages))
        for message in messages:
            expect(await socket.recv(), message)
        await sending


async def send_all(socket, messages):
    for message in messages:
        await socket.send(message)


async def fifty_connections(url):
    async def talk(number):
        async with connect(url) as socket:
            for turn in range(20):
                await echo(socket, f"connection {number}, turn {turn}")
                await echo(socket, bytes([number]) * (turn * 100))
            await (await socket.ping())

    await asyncio.gather(*(talk(number) for number in range(50)))


async def many_connections_one_after_the_other(url):
    for number in range(100):
        async with connect(url) as socket:
            await echo(socket, f"connection {number}")


TESTS = (
    text_and_binary,
    no_extension_is_taken,
    browser_like_headers,
    fragments_from_an_iterable,
    fragments_from_an_async_iterable,
    ping_between_fragments,
    pings_are_answered,
    keepalive_pings_of_the_client,
    the_client_closes,
    the_server_closes,
    a_message_too_big_for_the_server,
    a_message_too_big_for_the_client,
    the_largest_message,
    a_reader_that_lags,
    fifty_connections,
    many_connections_one_after_the_other,
)


def sigterm_closes_with_1001(binary):
    """Each of 10 clients is told, and the process ends with 0."""

    async def clients(server):
        sockets = [await connect(server.url) for _ in range(10)]
        for socket in sockets:
            await echo(socket, "hello")
        server.stop()
        expect([await code_of_the_server(socket) for socket in sockets], [1001] * 10)

    async def test(_url):
        with wsecho(binary) as server:
            await clients(server)

    test.__name__ = "sigterm_closes_with_1001"
    return test


async def run_one(test, url, limit_s):
    try:
        await asyncio.wait_for(test(url), limit_s)
    except asyncio.TimeoutError:
        said = "not over in time"
    except (Failure, RuntimeError, OSError, websockets.WebSocketException) as error:
        said = f"{type(error).__name__}: {error}"
    else:
        print(f"OK         {test.__name__}")
        return True
    print(f"FAILED     {test.__name__}: {said}")
    return False


async def run_tests(url, options):
    tests = list(TESTS)
    if options.binary:
        tests.append(sigterm_closes_with_1001(options.binary))
    passed = [await run_one(test, url, LIMIT_S * options.patience) for test in tests]
    print(f"{len(passed)} tests: {passed.count(False)} FAILED")
    return passed.count(False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    parser.add_argument("--patience", type=float, default=1, help="multiplies all limits of time")
    options = parser.parse_args()
    return run_against_server(options, lambda url: asyncio.run(run_tests(url, options)))


if __name__ == "__main__":
    sys.exit(main())
