"""7: the close handshake."""

from case import Bytes, Case, Fragments, Message, Pong, answered, close, fails, more, ping, text
from wire import BINARY, CLOSE, TEXT, close_payload, frame

HELLO = b"Hello World!"
# A server answers with the code it got; one that answers 1000 to all of them is allowed.
VALID = (*range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4999)
INVALID = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 32768, 65535)
REASONS = (("an ASCII", b"bye"), ("a Greek", "γεια σας".encode()))


def echoed(code):
    return answered(code, lenient=(1000,))


def in_one_write(*frames):
    return [Bytes(b"".join(frames))]


def order():
    bye = close_payload(1000)
    yield Case("7.1.1", "message, close", [text(HELLO), close(1000)], [Message(HELLO)],
               answered(1000))  # fmt: skip
    yield Case("7.1.2", "close twice", in_one_write(frame(CLOSE, bye), frame(CLOSE, bye)),
               closing=answered(1000))  # fmt: skip
    for number, name, opcode in (("7.1.3", "ping", 9), ("7.1.4", "text", 1), ("7.1.5", "junk", 3)):
        after = frame(opcode, b"late")
        yield Case(
            f"{number}.1",
            f"{name} after close, in one write",
            in_one_write(frame(CLOSE, bye), after),
            closing=answered(1000),
        )
        yield Case(
            f"{number}.2",
            f"{name} after close, in a write of its own",
            [close(1000), Bytes(after)],
            closing=answered(1000),
        )
    yield Case(
        "7.1.6",
        "close in the middle of a fragmented message, then its end",
        [text(b"fragment1", fin=False), close(1000), more(b"fragment2")],
        closing=answered(1000),
    )
    big = b"BAsd7&jh23" * 26214
    yield Case(
        "7.1.7",
        "256 KiB of text, close, ping",
        [text(big), close(1000), ping()],
        [Message(big)],
        answered(1000),
        lenient=([],),
    )
    yield Case(
        "7.1.8",
        "messages, pings and a close in one write: all of them are answered",
        in_one_write(frame(TEXT, b"one"), frame(9, b"two"), frame(TEXT, b"3"), frame(CLOSE, bye)),
        [Message(b"one"), Pong(b"two"), Message(b"3")],
        answered(1000),
    )
    yield Case(
        "7.1.9",
        "close octet-wise after octet-wise fragments",
        [Fragments(BINARY, HELLO, 5, chop=1), close(1001, b"going away", chop=1)],
        [Message(HELLO, True)],
        echoed(1001),
    )
    yield Case(
        "7.1.10",
        "the server answers while half of the next frame is there",
        in_one_write(frame(CLOSE, bye), frame(TEXT, HELLO)[:9]),
        closing=answered(1000),
    )


def payloads():
    yield Case("7.3.1", "close without payload", [close()], closing=answered(None, lenient=(1000,)))
    yield Case("7.3.2", "close of 1 byte", [Bytes(frame(CLOSE, b"a"))], closing=fails(1002))
    yield Case("7.3.2.1", "close of 1 byte, octet-wise", [Bytes(frame(CLOSE, b"\x03"), 1)],
               closing=fails(1002))  # fmt: skip
    yield Case("7.3.3", "close of 2 bytes", [close(1000)], closing=answered(1000))
    yield Case("7.3.4", "close with a reason", [close(1000, b"Hello")], closing=answered(1000))
    for number, size in (("7.3.5", 123), ("7.3.6", 122)):
        yield Case(
            number,
            f"close with a reason of {size} bytes",
            [close(1000, b"*" * size)],
            closing=answered(1000),
        )
    for size in (124, 125, 1000, 65536):
        yield Case(
            f"7.3.7.{size}",
            f"close with a reason of {size} bytes is refused",
            [close(1000, b"*" * size)],
            closing=fails(1002),
        )
    long_greek = "κ".encode() * 61
    yield Case("7.3.8", "reason of 61 letters of 2 bytes", [close(1000, long_greek)],
               closing=answered(1000))  # fmt: skip


def reasons():
    broken = (
        ("a surrogate", b"\xed\xa0\x80"),
        ("an unfinished letter", "κόσμε".encode()[:-1]),
        ("over-long '/'", b"\xc0\xaf"),
        ("U+110000", b"bye \xf4\x90\x80\x80"),
        ("byte ff", b"\xff"),
    )
    for number, (name, reason) in enumerate(broken, 1):
        yield Case(
            f"7.5.{number}",
            f"reason with {name}",
            [close(1000, reason)],
            closing=fails(1007, 1002),
        )


def codes():
    for code in VALID:
        yield Case(f"7.7.{code}.1", f"code {code}", [close(code)], closing=echoed(code))
        for number, (name, reason) in enumerate(REASONS, 2):
            yield Case(
                f"7.7.{code}.{number}",
                f"code {code} with {name} reason",
                [close(code, reason)],
                closing=echoed(code),
            )
    for code in INVALID:
        yield Case(f"7.9.{code}.1", f"code {code} is refused", [close(code)], closing=fails(1002))
        yield Case(
            f"7.9.{code}.2",
            f"code {code} with a reason is refused",
            [close(code, b"reason")],
            closing=fails(1002),
        )


def cases():
    yield from order()
    yield from payloads()
    yield from reasons()
    yield from codes()
