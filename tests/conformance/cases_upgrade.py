"""11: the opening handshake, and what follows it in the same segment."""

from autobahn.websocket.compress import PerMessageDeflateOffer

from case import Case, Message, Pong, fails, text
from driver import Opening
from http_case import HttpCase
from wire import PING, TEXT, frame

HELLO = b"Hello, world!"

REQUEST = """GET / HTTP/1.1
Host: %(host)s
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: %(key)s
Sec-WebSocket-Version: 13

"""

# (name, request): requests that are fine.
SPELLINGS = (
    ("as it is in the RFC", REQUEST),
    ("Connection: keep-alive, Upgrade", REQUEST.replace("on: U", "on: keep-alive, U")),
    ("connection: upgrade,keep-alive", REQUEST.replace("Connection: U", "connection: u")
     .replace("upgrade\n", "upgrade,keep-alive\n")),
    ("two Connection fields", REQUEST.replace("Conn", "Connection: keep-alive\nConn", 1)),
    ("names in lower case", REQUEST.lower().replace("http/1.1", "HTTP/1.1").replace("get", "GET")),
    ("names in upper case", REQUEST.upper().replace("(HOST)S", "(host)s")
     .replace("(KEY)S", "(key)s")),
    ("Upgrade: WebSocket", REQUEST.replace("websocket\n", "WebSocket\n")),
    ("no space after the colons", REQUEST.replace(": ", ":")),
    ("spaces and tabs around the values", REQUEST.replace(": ", ": \t ").replace("13\n", "13 \n")),
    ("a query", REQUEST.replace("GET /", "GET /?a=b&c=%%20")),
    ("a browser's other fields", REQUEST.replace("Upgrade:", """User-Agent: Mozilla/5.0 (X11)
Accept-Encoding: gzip, deflate
Accept-Language: en-GB,en;q=0.5
Cookie: a=b; c=d
Pragma: no-cache
Cache-Control: no-cache
Upgrade:""", 1)),
    ("7 KiB of cookies", REQUEST.replace("Upgrade:", f"Cookie: a={'x' * 7000}\nUpgrade:", 1)),
)  # fmt: skip


def no_field(name):
    def check(driver):
        value = driver.http_headers.get(name)
        return None if value is None else f"the answer has {name}: {value}"

    return check


def connection_upgrade(driver):
    if b"\r\nConnection: Upgrade\r\n" in driver.http_response_data:
        return None
    return f"no 'Connection: Upgrade' in {driver.http_response_data!r}"


def spellings():
    for number, (name, request) in enumerate(SPELLINGS, 1):
        yield Case(
            f"11.1.{number}",
            name,
            [text(HELLO)],
            [Message(HELLO)],
            request=Opening(request),
            check=connection_upgrade,
        )


def delivery():
    frames = frame(TEXT, HELLO) + frame(PING, b"ping") + frame(TEXT, b"two")
    expect = [Message(HELLO), Pong(b"ping"), Message(b"two")]
    for chop in (1, 7, 100):
        yield Case(
            f"11.2.{chop}",
            f"request in pieces of {chop}, frames behind it",
            [],
            expect,
            request=Opening(REQUEST, chop=chop, then=frames),
        )
    yield Case(
        "11.3.1",
        "frames in the segment of the request",
        [],
        expect,
        request=Opening(REQUEST, then=frames),
    )
    for size in (1, 5, 6, 7, len(frame(TEXT, HELLO)) + 1):
        yield Case(
            f"11.3.2.{size}",
            f"the last {size} bytes of the frames in a segment of their own",
            [],
            expect,
            request=Opening(REQUEST, then=frames, first_bytes=-size),
        )
    big = bytes(range(256)) * 256
    yield Case(
        "11.3.3",
        "64 KiB in the segment of the request",
        [],
        [Message(big, True)],
        request=Opening(REQUEST, then=frame(2, big)),
    )
    many = [b"%d" % number for number in range(200)]
    yield Case(
        "11.3.4",
        "200 messages in the segment of the request",
        [],
        [Message(payload) for payload in many],
        request=Opening(REQUEST, then=b"".join(frame(TEXT, payload) for payload in many)),
    )


def offers():
    yield Case(
        "11.4.1",
        "permessage-deflate is offered and not taken",
        [text(HELLO * 100)],
        [Message(HELLO * 100)],
        options={"perMessageCompressionOffers": [PerMessageDeflateOffer()]},
        check=no_field("sec-websocket-extensions"),
    )
    yield Case(
        "11.4.2",
        "RSV 4 stays forbidden where permessage-deflate was offered",
        [text(HELLO, rsv=4)],
        closing=fails(1002),
        options={"perMessageCompressionOffers": [PerMessageDeflateOffer()]},
    )
    yield Case(
        "11.4.3",
        "subprotocols are offered and none is taken",
        [text(HELLO)],
        [Message(HELLO)],
        session={"protocols": ["chat", "superchat"]},
        check=no_field("sec-websocket-protocol"),
    )
    for number, name in enumerate(("sec-websocket-extensions", "sec-websocket-protocol"), 4):
        yield Case(
            f"11.4.{number}",
            f"no {name} where none is offered",
            [text(HELLO)],
            [Message(HELLO)],
            check=no_field(name),
        )


def refusals():
    bad = (
        ("a POST", REQUEST.replace("GET", "POST"), (400, 405)),
        ("no Upgrade", REQUEST.replace("Upgrade: websocket\n", ""), (400, 426)),
        ("no Connection", REQUEST.replace("Connection: Upgrade\n", ""), (400, 426)),
        ("no key", REQUEST.replace("Sec-WebSocket-Key: %(key)s\n", ""), (400,)),
        ("a key of 15 bytes", REQUEST.replace("%(key)s", "YWFhYWFhYWFhYWFhYWFh"), (400,)),
        ("version 8", REQUEST.replace("13\n", "8\n"), (400, 426)),
        ("no version", REQUEST.replace("Sec-WebSocket-Version: 13\n", ""), (400, 426)),
        ("HTTP/1.0", REQUEST.replace("HTTP/1.1", "HTTP/1.0"), (400, 426, 505)),
        ("no HTTP", "\x16\x03\x01\x02\n\n", (400,)),
        ("9 KiB", REQUEST.replace("Up", f"Cookie: {'x' * 9000}\nUp", 1), (400, 431)),
    )
    for number, (name, request, statuses) in enumerate(bad, 1):
        for how, chop in (("", None), (", octet-wise", 1)):
            yield HttpCase(
                f"11.5.{number}.{chop or 0}",
                f"{name} is refused{how}",
                request,
                statuses,
                chop,
                wrong_version="version" in name,
            )


def cases():
    yield from spellings()
    yield from delivery()
    yield from offers()
    yield from refusals()
