"""The protocol as far as the attacks need it: protobuf, frames, packets, tokens, and one connection of a client."""

import base64
import hashlib
import hmac
import json
import socket
import struct
import time

# What `ringgate dev` signs its tokens with. No secret: docs/protocol.md has it.
DEVELOPMENT_SECRET = "jwt-1sNzdiSgnNuxyq2g7xml2JvLArU"
LOGIC, BASIC = b"\xc3\x11\xa3\x65", b"\xc3\x15\xa7\x65"
BINARY, CLOSE = 2, 8
SUCCESS, UNAVAILABLE = 0, 300


class Failed(Exception):
    """The target did not hold."""


# --- Bytes ---------------------------------------------------------------------------------------

def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    """A protobuf field: bytes and text by length, numbers as varints."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def fields(data):
    """The top-level fields of a message, as (number, value); value is an int or bytes."""
    at = 0

    def read_varint():
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = read_varint()
        value = read_varint()
        if tag & 7 == 2:
            at += value
            value = data[at - value:at]
        yield tag >> 3, value


def frame(payload, opcode=BINARY):
    return struct.pack(">BI", opcode, len(payload)) + payload


def packet(command, sequence, body=b"", extra=b""):
    """A logic packet. `extra` is appended to its header, encoded."""
    header = field(1, command) + field(3, sequence) + extra
    return LOGIC + struct.pack(">I", len(header)) + header + struct.pack(">I", len(body)) + body


def basic_ping(body=b""):
    return BASIC + struct.pack(">HH", 1, len(body)) + body


def token(account, app="kim", secret=DEVELOPMENT_SECRET, seconds=3600):
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")
    claims = {"acc": account, "app": app, "exp": int(time.time()) + seconds}
    text = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims).encode())
    return (text + b"." + part(hmac.digest(secret.encode(), text, hashlib.sha256))).decode()


# --- Clients -------------------------------------------------------------------------------------

class Client:
    """One TCP connection that speaks the protocol."""

    def __init__(self, options, patience_s=10, receive_bytes=0, port=None):
        """`receive_bytes`: of the kernel's buffer for what comes, if it is to be small."""
        self._socket = socket.socket(socket.AF_INET6 if ":" in options.host else socket.AF_INET)
        if receive_bytes:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self._socket.settimeout(patience_s)
        self._socket.connect((options.host, port or options.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self._options = options

    def fileno(self):
        return self._socket.fileno()

    def send(self, data):
        self._socket.sendall(data)

    def set_blocking(self, blocking):
        self._socket.setblocking(blocking)

    def send_some(self, data):
        """Without waiting; how many bytes the kernel took."""
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    def drain(self):
        """Reads what there is, without waiting; how many bytes."""
        try:
            return len(self._socket.recv(1 << 20))
        except BlockingIOError:
            return 0

    def skip(self, buffer):
        """Throws away as much as the buffer is long, without copying it; how many bytes there were."""
        return self._socket.recv_into(buffer, 0, socket.MSG_TRUNC)

    def read_until(self, end):
        """What is not in frames: all up to `end`."""
        while end not in self._received:
            data = self._socket.recv(65536)
            if not data:
                raise Failed(f"the connection ended after {self._received!r}")
            self._received += data
        at = self._received.index(end) + len(end)
        got, self._received = self._received[:at], self._received[at:]
        return got

    def read_frame(self):
        """(opcode, payload), or None at the end of the stream."""
        while True:
            if len(self._received) >= 5:
                opcode, length = struct.unpack(">BI", self._received[:5])
                if len(self._received) >= 5 + length:
                    payload = self._received[5:5 + length]
                    self._received = self._received[5 + length:]
                    return opcode, payload
            try:
                data = self._socket.recv(65536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self._received += data

    def ask(self, request):
        """Sends a frame and returns the header fields of the packet that comes next, as a dict."""
        self.send(frame(request))
        answer = self.read_frame()
        if answer is None or answer[1][:4] != LOGIC:
            raise Failed(f"no answer but {answer!r}")
        length = struct.unpack(">I", answer[1][4:8])[0]
        return dict(fields(answer[1][8:8 + length]))

    def login(self, account, app="kim"):
        body = field(1, token(account, app, self._options.secret))
        status = self.ask(packet("login.signin", 1, body)).get(5, SUCCESS)
        if status != SUCCESS:
            raise Failed(f"{account} could not log in: status {status}")
        return self

    def ping(self):
        """Seconds until the pong."""
        began = time.monotonic()
        self.send(frame(basic_ping()))
        while (answer := self.read_frame()) is not None:
            if answer[1][:6] == BASIC + b"\x00\x02":
                return time.monotonic() - began
        raise Failed("a logged-in client was cut off")

    def close(self):
        self._socket.close()

    def reset(self):
        """Ends with a reset instead of an orderly end."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()
