"""Byte sequences that are UTF-8 or nearly: the classes of Markus Kuhn's stress test, computed.

Whether one is valid is the word of Python's strict decoder, checked against what its class says.
"""

KOSME = "κόσμε".encode()


def spelt(code_point, size):
    """The code point in `size` bytes, whether or not that is allowed."""
    if size == 1:
        return bytes([code_point])
    tail = [0x80 | code_point >> 6 * n & 0x3F for n in range(size - 1)]
    lead = (0xFF00 >> size & 0xFF) | code_point >> 6 * (size - 1)
    return bytes([lead, *reversed(tail)])


def is_valid(data):
    try:
        data.decode("utf-8", "strict")
        return True
    except UnicodeDecodeError:
        return False


def prefixes():
    """6.6: a word cut after each byte."""
    return [(f"cut after {size}", KOSME[:size]) for size in range(1, len(KOSME) + 1)]


def first_of_length():
    """6.7 and 6.8: the first code point of each length, 5 and 6 bytes among them."""
    starts = (0, 0x80, 0x800, 0x10000, 0x200000, 0x4000000)
    return [(f"first of {n} bytes", spelt(start, n)) for n, start in enumerate(starts, 1)]


def last_of_length():
    """6.9 and 6.10."""
    ends = (0x7F, 0x7FF, 0xFFFF, 0x1FFFFF, 0x3FFFFFF, 0x7FFFFFFF)
    return [(f"last of {n} bytes", spelt(end, n)) for n, end in enumerate(ends, 1)]


def boundaries():
    """6.11."""
    points = ((0xD7FF, 3), (0xE000, 3), (0xFFFD, 3), (0x10FFFF, 4), (0x110000, 4))
    return [(f"U+{point:04X}", spelt(point, size)) for point, size in points]


def lonely_continuations():
    """6.12: 1 to 8 of them, and all 64."""
    run = b"\x80\xbf" * 4
    found = [(f"{size} lonely continuation bytes", run[:size]) for size in range(1, 9)]
    return found + [("all 64 continuation bytes", bytes(range(0x80, 0xC0)))]


def lonely_starts():
    """6.13: the first bytes of 2 to 6, each with a space behind."""
    ranges = ((0xC0, 0xE0), (0xE0, 0xF0), (0xF0, 0xF8), (0xF8, 0xFC), (0xFC, 0xFE))
    found = []
    for size, (low, high) in enumerate(ranges, 2):
        starts = b"".join(bytes([byte, 0x20]) for byte in range(low, high))
        found.append((f"lonely starts of {size} bytes", starts))
    return found


def incomplete():
    """6.14 and 6.15: the last byte missing, one by one and all in a row."""
    points = [(0, 2), (0, 3), (0, 4), (0, 5), (0, 6)]
    points += [(0x7FF, 2), (0xFFFF, 3), (0x1FFFFF, 4), (0x3FFFFFF, 5), (0x7FFFFFFF, 6)]
    cut = [(f"{spelt(*point)[:-1].hex()} incomplete", spelt(*point)[:-1]) for point in points]
    return cut + [("10 incomplete ones in a row", b"".join(data for _, data in cut))]


def impossible():
    """6.16."""
    return [(data.hex(), data) for data in (b"\xfe", b"\xff", b"\xfe\xfe\xff\xff")]


def overlong():
    """6.17 to 6.19: '/' and NUL in too many bytes, and the last that would have fitted in fewer."""
    found = [(f"'/' in {size} bytes", spelt(0x2F, size)) for size in range(2, 7)]
    last = (0x7F, 0x7FF, 0xFFFF, 0x1FFFFF, 0x3FFFFFF)
    found += [(f"U+{end:04X} in {n} bytes", spelt(end, n)) for n, end in enumerate(last, 2)]
    return found + [(f"NUL in {size} bytes", spelt(0, size)) for size in range(2, 7)]


SURROGATES = (0xD800, 0xDB7F, 0xDB80, 0xDBFF, 0xDC00, 0xDF80, 0xDFFF)


def surrogates():
    """6.20 and 6.21: alone, and in pairs as CESU-8 writes them."""
    found = [(f"surrogate {half:04x}", spelt(half, 3)) for half in SURROGATES]
    for high in SURROGATES[:4]:
        for low in (0xDC00, 0xDFFF):
            found.append((f"pair {high:04x} {low:04x}", spelt(high, 3) + spelt(low, 3)))
    return found


def noncharacters():
    """6.22 and 6.23: odd, but valid."""
    points = [plane << 16 | low for plane in range(17) for low in (0xFFFE, 0xFFFF)]
    points += [0xFDD0, 0xFDEF, *range(0xFFF9, 0xFFFE), 0xFEFF]
    return [(f"U+{point:04X}", chr(point).encode()) for point in points]


# (section, maker, all of it is valid, invalid, or None: some of each)
CLASSES = (
    ("6.6", prefixes, None),
    ("6.7", first_of_length, None),
    ("6.9", last_of_length, None),
    ("6.11", boundaries, None),
    ("6.12", lonely_continuations, False),
    ("6.13", lonely_starts, False),
    ("6.14", incomplete, False),
    ("6.16", impossible, False),
    ("6.17", overlong, False),
    ("6.20", surrogates, False),
    ("6.22", noncharacters, True),
)


def vectors():
    """Yields (id, name, bytes)."""
    for section, make, validity in CLASSES:
        for number, (name, data) in enumerate(make(), 1):
            if validity is not None and is_valid(data) != validity:
                raise AssertionError(f"{section}.{number} {name}: {data.hex()}")
            yield f"{section}.{number}", name, data
