"""3: reserved bits. 4: reserved opcodes. 8: masks and lengths that no client may write."""

from case import Bytes, Call, Case, FailsHere, Frame, Message, fails, more, ping, text
from wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame

HELLO = b"Hello, world!"
REFUSED = fails(1002)

KINDS = (
    (TEXT, "text", HELLO),
    (BINARY, "binary", b"\x00\xff\xfe"),
    (PING, "ping", b"ping"),
    (PONG, "pong", b"pong"),
    (CLOSE, "close", b"\x03\xe8"),
)


def after_good(number, name, steps):
    """The same after a message, with a ping behind it, at once and octet-wise."""
    for how, chop in (("", None), (", octet-wise", 1)):
        yield Case(
            f"{number}.{chop or 0}",
            f"{name} after a message{how}",
            [text(HELLO, chop=chop)] + [Frame(*step, chop=chop) for step in steps]
            + [ping(chop=chop)],
            [Message(HELLO)],
            REFUSED,
            lenient=([],),
        )


def reserved_bits():
    for rsv in range(1, 8):
        for opcode, kind, payload in KINDS:
            name = f"RSV {rsv} on {kind}"
            yield Case(
                f"3.{rsv}.{opcode}.1", name, [Frame(opcode, payload, rsv=rsv)], closing=REFUSED
            )
            yield from after_good(f"3.{rsv}.{opcode}.2", name, [(opcode, payload, True, rsv)])
        odd = frame(TEXT, HELLO, rsv=rsv)
        yield Case(
            f"3.{rsv}.0.1",
            f"RSV {rsv} on a continuation",
            [text(b"one", fin=False), more(b"two", rsv=rsv)],
            closing=REFUSED,
        )
        yield Case(
            f"3.{rsv}.0.2",
            f"RSV {rsv} on a text of which one byte is there",
            [Bytes(odd[:1]), FailsHere(), Bytes(odd[1:])],
            closing=REFUSED,
        )


def reserved_opcodes():
    for opcode in (*range(3, 8), *range(11, 16)):
        kind = "data" if opcode < 8 else "control"
        for number, payload in ((1, b""), (2, b"reserved opcode payload")):
            name = f"reserved {kind} opcode {opcode}, {len(payload)} bytes"
            yield Case(f"4.{opcode}.{number}", name, [Frame(opcode, payload)], closing=REFUSED)
            yield from after_good(f"4.{opcode}.{number + 2}", name, [(opcode, payload)])
        yield Case(
            f"4.{opcode}.5",
            f"reserved {kind} opcode {opcode} inside of a fragmented message",
            [text(b"one", fin=False), Frame(opcode, b"x"), more(b"two")],
            closing=REFUSED,
        )


# (name, bytes): each is refused with 1002.
FORBIDDEN = (
    ("16-bit length for 0 bytes", frame(TEXT, b"", form=16)),
    ("16-bit length for 5 bytes", frame(TEXT, b"hello", form=16)),
    ("16-bit length for 125 bytes", frame(BINARY, b"x" * 125, form=16)),
    ("64-bit length for 5 bytes", frame(TEXT, b"hello", form=64)),
    ("64-bit length for 126 bytes", frame(BINARY, b"x" * 126, form=64)),
    ("64-bit length for 65535 bytes", frame(BINARY, b"x" * 65535, form=64)),
    ("16-bit length on a ping", frame(PING, b"ping", form=16)),
    ("64-bit length on a ping", frame(PING, b"ping", form=64)),
    ("16-bit length on a close", frame(CLOSE, b"\x03\xe8", form=16)),
    ("64-bit length with its high bit", frame(BINARY, b"x", declared=1 << 63, form=64)),
    ("64-bit length of all ones", frame(BINARY, b"x", declared=(1 << 64) - 1, form=64)),
    ("ping of a 64-bit length with its high bit", frame(PING, declared=1 << 63, form=64)),
)


def unmasked():
    for opcode, kind, payload in KINDS:
        yield Case(
            f"8.1.{opcode}",
            f"{kind} frame without a mask",
            [Frame(opcode, payload)],
            closing=REFUSED,
            options={"maskClientFrames": False},
        )
    yield Case(
        "8.1.20",
        "text without a mask after a masked one",
        [text(HELLO), Bytes(frame(TEXT, HELLO, key=None))],
        [Message(HELLO)],
        REFUSED,
        lenient=([],),
    )
    yield Case(
        "8.1.21",
        "continuation without a mask",
        [text(b"one", fin=False), Bytes(frame(CONTINUATION, b"two", key=None))],
        closing=REFUSED,
    )
    yield Case(
        "8.1.22",
        "empty text without a mask, octet-wise",
        [Bytes(frame(TEXT, key=None), 1)],
        closing=REFUSED,
    )


def keys():
    payload = bytes(range(256))
    for number, key in enumerate(("00000000", "ffffffff", "00000001", "80000000", "81828384"), 1):
        for chop in (None, 1):
            yield Case(
                f"8.3.{number}.{chop or 0}",
                f"mask key {key}" + (", octet-wise" if chop else ""),
                [Bytes(frame(BINARY, payload, key=bytes.fromhex(key)), chop)],
                [Message(payload, True)],
            )
    # A key for each frame, at each offset of a message and from it in the buffer.
    pieces = [bytes([65 + n]) * n for n in range(1, 40)]
    steps = [more(piece, fin=False) for piece in pieces[1:]]
    yield Case(
        "8.3.6",
        "a key for each of 40 fragments of growing length",
        [text(pieces[0], fin=False), *steps, more(b"")],
        [Message(b"".join(pieces))],
    )


def forbidden():
    yield from unmasked()
    for number, (name, data) in enumerate(FORBIDDEN, 1):
        for chop in (None, 1):
            # Octet-wise, a long body only says that the head decides.
            part = data[:32] if chop else data
            yield Case(
                f"8.2.{number}.{chop or 0}",
                name + (", octet-wise" if chop else ""),
                [Bytes(part, chop)],
                closing=REFUSED,
            )
    yield from keys()
    yield Case(
        "8.4",
        "streamed message: beginMessage, frames in parts, endMessage",
        [Call(streamed)],
        [Message(b"one two three", True)],
    )


def streamed(driver):
    driver.beginMessage(isBinary=True)
    driver.sendMessageFrame(b"one ")
    driver.beginMessageFrame(4)
    driver.sendMessageFrameData(b"tw")
    driver.sendMessageFrameData(b"o ")
    driver.sendMessageFrame(b"three")
    driver.endMessage()


def cases():
    yield from reserved_bits()
    yield from reserved_opcodes()
    yield from forbidden()
