"""5: fragmented messages, and control frames between fragments."""

from case import Bytes, Case, Fragments, Frame, Message, Pong, Seen
from case import binary, fails, more, ping, text
from wire import BINARY, CONTINUATION, PING, PONG, TEXT, frame

REFUSED = fails(1002)
ONE, TWO = b"fragment1", b"fragment2"


def in_one_write(*frames):
    return [Bytes(b"".join(frames))]


def chopped(*frames):
    return [Bytes(b"".join(frames), 1)]


def apart(*frames):
    return [Bytes(data) for data in frames]


WAYS = (("in one write", in_one_write), ("in a write each", apart), ("octet-wise", chopped))


def three_ways(numbers, name, frames, expect, **options):
    """The same frames in one write, in a write each, and octet-wise."""
    for number, (how, way) in zip(numbers, WAYS):
        yield Case(number, f"{name}, {how}", way(*frames), expect, **options)


def good():
    halves = (frame(TEXT, ONE, fin=False), frame(CONTINUATION, TWO))
    whole = Message(ONE + TWO)
    yield from three_ways(("5.3", "5.4", "5.5"), "text in 2 fragments", halves, [whole])
    yield from three_ways(
        ("5.6", "5.7", "5.8"),
        "text in 2 fragments, a ping between them",
        (halves[0], frame(PING, b"ping"), halves[1]),
        [Pong(b"ping"), whole],
    )
    yield from five_fragments()


def five_fragments():
    """Pings after the second and the fourth: answered before the message is whole."""
    part = [b"fragment%d" % number for number in range(1, 6)]
    middle = [frame(CONTINUATION, payload, fin=False) for payload in part[1:4]]
    frames = (
        frame(TEXT, part[0], fin=False),
        middle[0],
        frame(PING, b"ping 1"),
        middle[1],
        middle[2],
        frame(PING, b"ping 2"),
        frame(CONTINUATION, part[4]),
    )
    expect = [Pong(b"ping 1"), Pong(b"ping 2"), Message(b"".join(part))]
    steps = apart(*frames)
    steps.insert(6, Seen(2))
    steps.insert(3, Seen(1))
    yield Case("5.19", "text in 5 fragments, 2 pings, each pong awaited", steps, expect)
    yield from three_ways(
        ("5.20.1", "5.20.2", "5.20.3"), "text in 5 fragments, 2 pings", frames, expect
    )


def broken():
    for number, opcode, kind in (("5.1", PING, "ping"), ("5.2", PONG, "pong")):
        yield from three_ways(
            (f"{number}.1", f"{number}.2", f"{number}.3"),
            f"{kind} in 2 fragments",
            (frame(opcode, ONE, fin=False), frame(CONTINUATION, TWO)),
            [],
            closing=REFUSED,
        )
    for numbers, fin in ((("5.9", "5.10", "5.11"), True), (("5.12", "5.13", "5.14"), False)):
        yield from three_ways(
            numbers,
            f"continuation of nothing with FIN {fin:d}, then a text",
            (frame(CONTINUATION, b"nothing", fin=fin), frame(TEXT, b"Hello")),
            [],
            closing=REFUSED,
        )
    good_one = (frame(TEXT, ONE, fin=False), frame(CONTINUATION, TWO))
    yield from three_ways(
        ("5.15.1", "5.15.2", "5.15.3"),
        "text in 2 fragments, a continuation of nothing, then a text",
        (*good_one, frame(CONTINUATION, b"nothing", fin=False), frame(TEXT, b"Hello")),
        [Message(ONE + TWO)],
        closing=REFUSED,
        lenient=([],),
    )
    for number, fin in (("5.16", False), ("5.17", True)):
        yield from three_ways(
            (f"{number}.1", f"{number}.2", f"{number}.3"),
            f"twice a continuation of nothing with FIN {fin:d} and a text in 2 fragments",
            (frame(CONTINUATION, b"nothing", fin=fin), *good_one) * 2,
            [],
            closing=REFUSED,
        )
    for number, opcode, kind in ((1, TEXT, "text"), (4, BINARY, "binary")):
        yield from three_ways(
            tuple(f"5.18.{number + way}" for way in range(3)),
            f"text in 2 fragments of which the second says {kind}",
            (frame(TEXT, ONE, fin=False), frame(opcode, TWO)),
            [],
            closing=REFUSED,
        )


def beyond_the_public_suite():
    yield Case(
        "5.21",
        "empty fragments first, between and last",
        [text(b"", fin=False), more(b"", fin=False), more(ONE, fin=False), more(b"", fin=False),
         more(TWO, fin=False), more(b"")],
        [Message(ONE + TWO)],
    )  # fmt: skip
    payload = bytes(range(256)) * 8
    for size in (1, 2, 125, 126, 127, 1000):
        yield Case(
            f"5.22.{size}",
            f"binary of 2048 bytes in fragments of {size}",
            [Fragments(BINARY, payload, size)],
            [Message(payload, True)],
        )
    yield Case(
        "5.23",
        "a ping and an unsolicited pong after each of 50 fragments",
        [step for n in range(50) for step in (
            binary(b"%d" % n, fin=False) if n == 0 else more(b"%d" % n, fin=False),
            ping(b"ping %d" % n), Frame(PONG, b"unsolicited"))] + [more(b"end")],
        [Pong(b"ping %d" % n) for n in range(50)]
        + [Message(b"".join(b"%d" % n for n in range(50)) + b"end", True)],
    )  # fmt: skip
    yield Case(
        "5.24",
        "fragmented and whole messages take turns",
        [step for n in range(20) for step in (
            text(b"%d " % n, fin=False), more(b"end"), binary(b"%d" % n))],
        [event for n in range(20) for event in (
            Message(b"%d end" % n), Message(b"%d" % n, True))],
    )  # fmt: skip
    yield Case(
        "5.25",
        "close frame without FIN",
        [Bytes(frame(8, b"\x03\xe8", fin=False))],
        closing=REFUSED,
    )


def cases():
    yield from good()
    yield from broken()
    yield from beyond_the_public_suite()
