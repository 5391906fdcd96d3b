"""What the attacks share: options, a token, packets, a client that is not the attacker, the verdict."""

import argparse
import base64
import contextlib
import hashlib
import hmac
import json
import os
import pathlib
import socket
import struct
import sys
import threading
import time

# What `ringgate dev` signs its tokens with. No secret: docs/protocol.md has it.
DEVELOPMENT_SECRET = "jwt-1sNzdiSgnNuxyq2g7xml2JvLArU"
LOGIC, BASIC = b"\xc3\x11\xa3\x65", b"\xc3\x15\xa7\x65"
BINARY, CLOSE = 2, 8
MOST_SECONDS, MOST_CONNECTIONS = 120, 20_000
SUCCESS = 0
REST_S = 60  # the time in which memory comes back
BACK_WITHIN = 1.1  # of what there was before


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

    def __init__(self, options, patience_s=10, receive_bytes=0):
        """`receive_bytes`: of the kernel's buffer for what comes, if it is to be small."""
        self._socket = socket.socket(socket.AF_INET6 if ":" in options.host else socket.AF_INET)
        if receive_bytes:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self._socket.settimeout(patience_s)
        self._socket.connect((options.host, options.port))
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


class Bystander:
    """A client of its own that pings while the attack lasts, and remembers what it saw."""

    def __init__(self, options):
        self._client = Client(options, options.patience).login(f"bystander-{os.getpid()}")
        self._end = threading.Event()
        self._failure = None
        self.times_s = [self._client.ping()]
        self.most_kib = 0
        self._pid = options.pid
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            while not self._end.wait(0.02):
                self.times_s.append(self._client.ping())
                if self._pid:
                    self.most_kib = max(self.most_kib, resident_kib(self._pid))
        except (OSError, Failed) as error:
            self._failure = error

    def p99_ms(self):
        """Of the pings since the last call."""
        times = sorted(self.times_s)
        self.times_s = []
        return times[len(times) * 99 // 100] * 1000 if times else float("nan")

    def stop(self):
        """Raises what went wrong for it."""
        self._end.set()
        self._thread.join()
        self._client.close()
        if self._failure is not None:
            raise Failed(f"somebody else's ping was not answered: {self._failure}")


def http(options, request, patience_s=None):
    """The answer of the monitor or admin port to these bytes, whole: (status, head and body)."""
    patience_s = patience_s or options.patience
    with socket.create_connection((options.host, options.http_port), timeout=patience_s) as link:
        link.sendall(request)
        answer = b""
        while part := link.recv(65536):
            answer += part
    if not answer.startswith(b"HTTP/1."):
        raise Failed(f"no HTTP answer but {answer[:80]!r}")
    return int(answer.split(b" ", 2)[1]), answer


def health(options, patience_s=None):
    """Seconds that GET /health took. Raises when it is not 200."""
    began = time.monotonic()
    status, answer = http(options, b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                          patience_s)
    if status != 200:
        raise Failed(f"/health said {answer[-200:]!r}")
    return time.monotonic() - began


# --- A script ------------------------------------------------------------------------------------


def read_options(description, add_options, defaults):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--host", default="127.0.0.1", help="the gateway (%(default)s)")
    parser.add_argument("--port", type=int, default=8001, help="where clients connect by TCP (%(default)s)")
    parser.add_argument("--http-port", type=int, default=8080, help="the monitor's port (%(default)s)")
    parser.add_argument("--secret", default=DEVELOPMENT_SECRET,
                        help="what tokens are signed with (that of `ringgate dev`)")
    parser.add_argument("--pid", type=int, default=0, help="the gateway's process, to look at its memory")
    parser.add_argument("--seconds", type=float, default=5, help=f"how long, at most {MOST_SECONDS} (%(default)s)")
    parser.add_argument("--connections", type=int, default=100, help=f"at most {MOST_CONNECTIONS} (%(default)s)")
    parser.add_argument("--patience", type=float, default=10,
                        help="seconds after which an answer has not come (%(default)s)")
    parser.add_argument("--report", metavar="FILE",
                        help="measure first as long without the attack, and append a line of JSON")
    if add_options:
        add_options(parser)
    parser.set_defaults(**defaults)
    options = parser.parse_args()
    if not 0 < options.seconds <= MOST_SECONDS:
        parser.error(f"--seconds is above 0 and at most {MOST_SECONDS}")
    if not 0 < options.connections <= MOST_CONNECTIONS:
        parser.error(f"--connections is 1 to {MOST_CONNECTIONS}")
    return options


def unsent_bytes(port):
    """What the kernel holds for clients of that port of this machine that have not taken it, the closed ones too."""
    total = 0
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table, encoding="ascii") as rows:
            for row in list(rows)[1:]:
                columns = row.split()
                if int(columns[1].rpartition(":")[2], 16) == port and columns[3] != "0A":  # listening
                    total += int(columns[4].partition(":")[0], 16)
    return total


def resident_kib(pid):
    """Memory of a process in KiB."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


@contextlib.contextmanager
def deadline(seconds):
    """Yields a function that says whether there is time left."""
    end = time.monotonic() + seconds
    yield lambda: time.monotonic() < end


def rest(pid, kib_before):
    """What memory is left once it is as little as before or a minute is over, and how long that took."""
    begin = time.monotonic()
    while (left := resident_kib(pid) if pid else 0) > kib_before * BACK_WITHIN:
        if time.monotonic() - begin > REST_S:
            break
        time.sleep(0.5)
    return {"kib_after": left, "rest_s": time.monotonic() - begin}


def main(attack, add_options=None, **defaults):
    """Runs `attack(options)` beside a Bystander. It returns a sentence about what was done, or raises Failed."""
    options = read_options(sys.modules["__main__"].__doc__, add_options, defaults)
    row = {"attack": pathlib.Path(sys.argv[0]).stem}
    try:
        bystander = Bystander(options)
        if options.report:
            time.sleep(options.seconds)
            row |= {"p99_without_ms": bystander.p99_ms(), "kib_before": bystander.most_kib}
        done = attack(options)
        pings, slowest_s = len(bystander.times_s), max(bystander.times_s)
        row |= {"p99_with_ms": bystander.p99_ms(), "kib_during": bystander.most_kib}
        bystander.stop()
        Client(options, options.patience).login(f"newcomer-{os.getpid()}").close()
    except (Failed, OSError) as error:
        print(f"FAILED: {error}")
        sys.exit(1)
    print(f"survived: {done}; {pings} pings of somebody else, the slowest took {slowest_s * 1000:.1f} ms")
    if options.report:
        row |= rest(options.pid, row["kib_before"]) | {"done": done}
        with open(options.report, "a", encoding="utf-8") as report:
            report.write(json.dumps(row) + "\n")
