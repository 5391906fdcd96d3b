"""6: text has to be UTF-8, over all its fragments, and is refused where it stops being so."""

from case import Bytes, Case, FailsHere, Fragments, Message, binary, fails, more, text
from utf8_vectors import KOSME, is_valid, vectors
from wire import TEXT, frame

WORDS = "Hello-µ@ßöäüàá-UTF-8!!".encode()
INVALID = KOSME + b"\xed\xa0\x80" + b"edited"
REFUSED = fails(1007)

# (suffix, name, steps of the text)
WAYS = (
    ("1", "whole", lambda data: [text(data)]),
    ("2", "in fragments of an octet", lambda data: [Fragments(TEXT, data, 1)]),
    ("3", "octet-wise", lambda data: [text(data, chop=1)]),
    ("4", "after valid text", lambda data: [text(WORDS + data)]),
)


def one_text(number, name, data):
    for suffix, how, steps in WAYS:
        whole = WORDS + data if suffix == "4" else data
        good = is_valid(whole)
        yield Case(
            f"{number}.{suffix}",
            f"{'valid' if good else 'invalid'}: {name}, {how}",
            steps(data),
            [Message(whole)] if good else [],
            **({} if good else {"closing": REFUSED}),
        )


def empty():
    yield Case("6.1.1", "empty text", [text("")], [Message(b"")])
    yield Case(
        "6.1.2",
        "3 empty fragments",
        [text("", fin=False), more(b"", fin=False), more(b"")],
        [Message(b"")],
    )
    yield Case(
        "6.1.3",
        "an empty fragment, one with text, an empty one",
        [text("", fin=False), more(b"middle", fin=False), more(b"")],
        [Message(b"middle")],
    )


def whole():
    yield from one_text("6.2.1", "words", WORDS)
    yield Case(
        "6.2.2",
        "2 fragments cut between code points",
        [text(WORDS[:10], fin=False), more(WORDS[10:])],
        [Message(WORDS)],
    )
    for cut in range(1, len(KOSME)):
        yield Case(
            f"6.2.3.{cut}",
            f"2 fragments cut after byte {cut}",
            [text(KOSME[:cut], fin=False), more(KOSME[cut:])],
            [Message(KOSME)],
        )
    yield from one_text("6.2.4", "a Greek word", KOSME)
    yield from one_text("6.3.1", "a surrogate amid words", INVALID)
    yield Case(
        "6.3.2",
        "invalid: a text that ends inside of a code point, with an empty last fragment",
        [text(KOSME[:-1], fin=False), more(b"")],
        closing=REFUSED,
    )
    yield Case(
        "6.3.3",
        "invalid: a new text does not go on where the last one ended",
        [text(KOSME[:1]), text(KOSME[1:])],
        closing=REFUSED,
    )
    yield Case(
        "6.3.4",
        "binary may hold anything",
        [binary(INVALID), text(KOSME)],
        [Message(INVALID, True), Message(KOSME)],
    )


def fail_fast():
    """The message never ends in time; the server need not wait for it."""
    held = [more(b"edited")]
    yield Case(
        "6.4.1",
        "fails after the fragment with U+110000",
        [text(KOSME, fin=False), more(b"\xf4\x90\x80\x80", fin=False), FailsHere(), *held],
        closing=REFUSED,
    )
    yield Case(
        "6.4.2",
        "fails after the fragment with the second byte of U+110000",
        [text(KOSME + b"\xf4", fin=False), more(b"\x90", fin=False), FailsHere(),
         more(b"\x80\x80", fin=False), *held],
        closing=REFUSED,
    )  # fmt: skip
    for number, bad, name in (
        ("6.4.3", b"\xf4\x90\x80\x80", "U+110000"),
        ("6.4.4", b"\xf4\x90", "the second byte of U+110000"),
        ("6.4.5", b"\xed\xa0", "the second byte of a surrogate"),
        ("6.4.6", b"\xc0", "a byte of no text"),
    ):
        whole_frame = frame(TEXT, KOSME + bad + b"edited" * 10)
        cut = 6 + len(KOSME) + len(bad)
        for chop in (None, 1):
            yield Case(
                f"{number}.{chop or 0}",
                f"fails inside of a frame, after {name}" + (", octet-wise" if chop else ""),
                [Bytes(whole_frame[:cut], chop), FailsHere(), Bytes(whole_frame[cut:], chop)],
                closing=REFUSED,
            )


def cases():
    yield from empty()
    yield from whole()
    yield from fail_fast()
    for number, name, data in vectors():
        yield from one_text(number, name, data)
