"""9: large messages and many of them, and the bound of 16 MiB. 10: autobahn fragments them."""

import functools

from case import Bytes, Call, Case, Fragments, Frame, Message, Pong, fails, more, ping
from wire import BINARY, TEXT, frame

KIB, MIB = 1 << 10, 1 << 20
MAX = 16 * MIB
TOO_BIG = fails(1009)

OPCODES = ((TEXT, "text"), (BINARY, "binary"))


@functools.cache
def payload_of(opcode, size):
    if opcode == BINARY:
        pattern = bytes(range(256)) + b"\x00\xff\x80"
        return (pattern * (size // len(pattern) + 1))[:size]
    pattern = "ringgate κόσμε ☃ 𝄞 ".encode()
    times, rest = divmod(size, len(pattern))
    return pattern * times + b"." * rest


def named(size):
    return f"{size // MIB} MiB" if size >= MIB else f"{size // KIB} KiB"


def one_frame():
    for number, (opcode, kind) in enumerate(OPCODES, 1):
        for size in (64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, MAX):
            payload = payload_of(opcode, size)
            yield Case(
                f"9.{number}.{size}",
                f"{kind} of {named(size)} in one frame",
                [Frame(opcode, payload)],
                [Message(payload, opcode == BINARY)],
                heavy=True,
            )


def fragments():
    plan = [(MIB // 4, 64), (MIB, 256), (4 * MIB, KIB), (4 * MIB, 4 * KIB), (4 * MIB, 16 * KIB)]
    plan += [(4 * MIB, 64 * KIB), (4 * MIB, 256 * KIB), (4 * MIB, MIB), (MAX, MIB)]
    for number, (opcode, kind) in enumerate(OPCODES, 3):
        for size, fragment in plan:
            payload = payload_of(opcode, size)
            yield Case(
                f"9.{number}.{size}.{fragment}",
                f"{kind} of {named(size)} in fragments of {fragment} bytes",
                [Fragments(opcode, payload, fragment)],
                [Message(payload, opcode == BINARY)],
                heavy=True,
            )


def chopped():
    for number, (opcode, kind) in enumerate(OPCODES, 5):
        payload = payload_of(opcode, MIB)
        for chop in (64, 128, 256, 512, 1024, 2048):
            yield Case(
                f"9.{number}.{chop}",
                f"{kind} of 1 MiB, {chop} bytes at a time",
                [Frame(opcode, payload, chop=chop)],
                [Message(payload, opcode == BINARY)],
                heavy=True,
            )
        yield Case(
            f"9.{number}.997",
            f"{kind} of 256 KiB in fragments of 1000 bytes, 997 bytes at a time",
            [Fragments(opcode, payload_of(opcode, 256 * KIB), 1000, chop=997)],
            [Message(payload_of(opcode, 256 * KIB), opcode == BINARY)],
            heavy=True,
        )


def many():
    for number, (opcode, kind) in enumerate(OPCODES, 7):
        for size in (0, 16, 64, 256, KIB, 4 * KIB):
            payload = payload_of(opcode, size)
            yield Case(
                f"9.{number}.{size}",
                f"1000 {kind} messages of {size} bytes",
                [Bytes(frame(opcode, payload))] * 1000,
                [Message(payload, opcode == BINARY)] * 1000,
                heavy=True,
            )


def bound():
    for opcode, kind in OPCODES:
        start = payload_of(opcode, MIB)
        yield Case(
            f"9.9.1.{opcode}",
            f"{kind} of 16 MiB + 1 is refused by its head",
            [Bytes(frame(opcode, start[:100], declared=MAX + 1))],
            closing=TOO_BIG,
        )
        yield Case(
            f"9.9.2.{opcode}",
            f"{kind} of 16 MiB in fragments, and one byte more",
            [*[Frame(opcode if n == 0 else 0, start, fin=False) for n in range(16)], more(b"x")],
            closing=TOO_BIG,
            heavy=True,
        )
        yield Case(
            f"9.9.3.{opcode}",
            f"{kind}: a fragment that goes beyond 16 MiB is refused by its head",
            [Frame(opcode, b"first", fin=False), Bytes(frame(0, b"x", declared=MAX - 4))],
            closing=TOO_BIG,
        )
        yield Case(
            f"9.9.4.{opcode}",
            f"{kind} of 2^63 - 1 bytes is refused by its head",
            [Bytes(frame(opcode, b"x", declared=(1 << 63) - 1))],
            closing=TOO_BIG,
        )
        yield Case(
            f"9.9.5.{opcode}",
            f"{kind} of 16 MiB + 1 that is sent to its end: the refusal still gets through",
            [Frame(opcode, payload_of(opcode, MAX + 1))],
            closing=TOO_BIG,
            heavy=True,
        )
        yield Case(
            f"9.9.6.{opcode}",
            f"{kind} of 16 MiB, then a small one and a ping on the same connection",
            [Frame(opcode, payload_of(opcode, MAX)), Frame(opcode, b"small"), ping(b"ping")],
            [
                Message(payload_of(opcode, MAX), opcode == BINARY),
                Message(b"small", opcode == BINARY),
                Pong(b"ping"),
            ],
            heavy=True,
        )


def auto_fragments():
    for number, (opcode, kind) in enumerate(OPCODES, 1):
        for size in (16, 128, 1300, 65535):
            payload = payload_of(opcode, 64 * KIB)
            yield Case(
                f"10.{number}.{size}",
                f"{kind} of 64 KiB, autoFragmentSize {size}",
                [Call(functools.partial(send_message, payload, opcode == BINARY))],
                [Message(payload, opcode == BINARY)],
                options={"autoFragmentSize": size},
            )


def send_message(payload, is_binary, driver):
    driver.sendMessage(payload, is_binary)


def cases():
    yield from one_frame()
    yield from fragments()
    yield from chopped()
    yield from many()
    yield from bound()
    yield from auto_fragments()
