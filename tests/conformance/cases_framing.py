"""1: data frames of the sizes where the head changes. 2: pings and pongs."""

from case import Bytes, Case, Frame, Message, Pong, Seen, fails, ping
from wire import BINARY, PING, PONG, TEXT, frame

SIZES = (0, 125, 126, 127, 128, 65535, 65536)
CHOPS = ((None, "whole"), (1, "octet-wise"), (997, "in 997 bytes"))


def sized(size, opcode):
    if opcode == TEXT:
        return b"*" * size
    return (bytes(range(256)) * (size // 256 + 1))[:size]


def framing():
    for section, opcode in ((1, TEXT), (2, BINARY)):
        for number, size in enumerate(SIZES, 1):
            payload = sized(size, opcode)
            for chop, how in CHOPS:
                yield Case(
                    f"1.{section}.{number}.{chop or 0}",
                    f"{'text' if opcode == TEXT else 'binary'} of {size} bytes, {how}",
                    [Frame(opcode, payload, chop=chop)],
                    [Message(payload, opcode == BINARY)],
                )
    yield Case(
        "1.3.1",
        "every size from 0 to 300 on one connection",
        [Frame(BINARY, sized(size, BINARY)) for size in range(301)],
        [Message(sized(size, BINARY), True) for size in range(301)],
    )
    small = [b"message %d" % number for number in range(500)]
    yield Case(
        "1.3.2",
        "500 small messages in one write",
        [Bytes(b"".join(frame(TEXT, payload) for payload in small))],
        [Message(payload) for payload in small],
    )
    for chop in (1, 7):
        few = small[:50]
        yield Case(
            f"1.3.3.{chop}",
            f"50 small messages, {chop} bytes at a time",
            [Bytes(b"".join(frame(TEXT, payload) for payload in few), chop)],
            [Message(payload) for payload in few],
        )


PINGS = (
    ("2.1", "without payload", b""),
    ("2.2", "with text", b"Hello, world!"),
    ("2.3", "with bytes that are no text", bytes.fromhex("00fffefdfcfb00ff")),
    ("2.4", "of 125 bytes", b"\xfe" * 125),
)


def pings():
    for number, name, payload in PINGS:
        yield Case(number, f"ping {name}", [ping(payload)], [Pong(payload)])
    for size, chop in ((126, None), (126, 1), (127, None), (65536, None)):
        yield Case(
            f"2.5.{size}.{chop or 0}",
            f"ping of {size} bytes is refused" + (", octet-wise" if chop else ""),
            [ping(b"\xfe" * size, chop=chop)],
            closing=fails(1002),
        )
    octets = b"\xfe" * 125
    yield Case("2.6", "ping of 125 bytes, octet-wise", [ping(octets, chop=1)], [Pong(octets)])
    for number, payload in (("2.7", b""), ("2.8", b"unsolicited")):
        yield Case(number, f"unsolicited pong {payload!r} is ignored", [Frame(PONG, payload)])
    yield Case(
        "2.9",
        "unsolicited pong, then a ping",
        [Frame(PONG, b"unsolicited"), ping(b"ping")],
        [Pong(b"ping")],
    )
    ten = [b"payload-%d" % number for number in range(10)]
    for number, chop in (("2.10", None), ("2.11", 1)):
        yield Case(
            number,
            "10 pings" + (", octet-wise" if chop else ""),
            [ping(payload, chop=chop) for payload in ten],
            [Pong(payload) for payload in ten],
        )
    lengths = [bytes(range(size)) for size in range(126)]
    yield Case(
        "2.12",
        "pings of every length from 0 to 125",
        [ping(payload) for payload in lengths],
        [Pong(payload) for payload in lengths],
    )
    yield Case(
        "2.13",
        "100 pings in one write, with messages between them",
        [Bytes(b"".join(frame(PING, b"%d" % n) + frame(TEXT, b"%d" % n) for n in range(100)))],
        [event for n in range(100) for event in (Pong(b"%d" % n), Message(b"%d" % n))],
    )
    yield Case(
        "2.14",
        "ping after ping, each after its pong",
        [step for n in range(10) for step in (ping(b"%d" % n), Seen(n + 1))],
        [Pong(b"%d" % n) for n in range(10)],
    )


def cases():
    yield from framing()
    yield from pings()
