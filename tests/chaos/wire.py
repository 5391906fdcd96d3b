"""The protocol as clients speak it: frames, packets, tokens, and one stream for each transport (docs/protocol.md)."""

import asyncio
import base64
import hashlib
import hmac
import importlib
import json
import pathlib
import socket
import struct
import subprocess
import sys
import time

import websockets
from google.protobuf.message import DecodeError

from .say import Trouble

LOGIC, BASIC = 0xC311A365, 0xC315A765
PING = struct.pack(">IHH", BASIC, 1, 0)
TEXT, BINARY, CLOSE = 1, 2, 8
MAX_FRAME = 16 << 20
OPEN_S = 5


def load_messages(schema, folder):
    """The module of the protocol's messages, which protoc makes into `folder`."""
    try:
        subprocess.run(["protoc", f"--python_out={folder}", "-I", schema.parent, schema.name], check=True,
                       capture_output=True, text=True)
        sys.path.insert(0, str(pathlib.Path(folder)))
        return importlib.import_module("pkt_pb2")
    except FileNotFoundError:
        raise Trouble("there is no protoc here: run scripts/setup --tests") from None
    except subprocess.CalledProcessError as error:
        raise Trouble(f"protoc failed: {error.stderr}") from None


def token(account, secret, app="kim"):
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")
    claims = {"acc": account, "app": app, "exp": int(time.time()) + 24 * 3600}
    text = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims).encode())
    return (text + b"." + part(hmac.digest(secret.encode(), text, hashlib.sha256))).decode()


def frame(payload, opcode=BINARY):
    return struct.pack(">BI", opcode, len(payload)) + payload


def packet(header, body=b""):
    head = header.SerializeToString()
    return struct.pack(">II", LOGIC, len(head)) + head + struct.pack(">I", len(body)) + body


def parse(messages, payload):
    """(header, body) of a logic packet, None of a basic one. Raises ValueError for what is neither."""
    magic, length = struct.unpack_from(">II", payload) if len(payload) >= 8 else (0, 0)
    if magic == BASIC:
        return None
    if magic != LOGIC or 12 + length > len(payload):
        raise ValueError(f"not a packet: {payload[:16].hex()}")
    header = decode(messages.Header, payload[8:8 + length])
    body = payload[12 + length:]
    if struct.unpack_from(">I", payload, 8 + length)[0] != len(body):
        raise ValueError("a packet whose lengths do not add up")
    return header, body


def decode(message, data):
    """Raises ValueError."""
    try:
        return message.FromString(data)
    except DecodeError as error:
        raise ValueError(f"no {message.DESCRIPTOR.name}: {error}") from None


class Ended(Exception):
    """The stream has ended; says why."""


class TcpStream:
    """Of one user. `send` does not wait: whoever sends bounds what has no answer yet."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.local_port = writer.get_extra_info("sockname")[1]

    @classmethod
    async def open(cls, port):
        reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), OPEN_S)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(reader, writer)

    async def send(self, payload):
        self.writer.write(frame(payload))

    async def receive(self):
        """The payload of a binary frame. Raises Ended."""
        try:
            opcode, length = struct.unpack(">BI", await self.reader.readexactly(5))
            if opcode not in (BINARY, CLOSE) or length > MAX_FRAME:
                raise ValueError(f"a frame of opcode {opcode} and {length} bytes")
            payload = await self.reader.readexactly(length)
        except (asyncio.IncompleteReadError, OSError) as error:
            raise Ended(f"no more bytes ({type(error).__name__})") from None
        if opcode == BINARY:
            return payload
        self.writer.write(frame(payload, CLOSE))
        raise Ended(payload.decode(errors="replace"))

    async def close(self):
        self.writer.close()

    def abort(self):
        self.writer.transport.abort()


class WsStream:
    def __init__(self, connection):
        self.connection = connection
        self.local_port = connection.local_address[1]

    @classmethod
    async def open(cls, port):
        try:
            return cls(await asyncio.wait_for(websockets.connect(
                f"ws://127.0.0.1:{port}/", ping_interval=None, compression=None, max_size=MAX_FRAME,
                close_timeout=1, open_timeout=None), OPEN_S))
        except (websockets.InvalidHandshake, websockets.InvalidMessage, EOFError) as error:
            raise ConnectionError(f"no upgrade: {error}") from None

    async def send(self, payload):
        try:
            await self.connection.send(payload)
        except websockets.ConnectionClosed:
            raise ConnectionError("closed") from None

    async def receive(self):
        try:
            payload = await self.connection.recv()
        except websockets.ConnectionClosed as error:
            raise Ended(error.rcvd.reason if error.rcvd else "no more bytes") from None
        if isinstance(payload, str):
            raise ValueError("a text message")
        return payload

    async def close(self):
        await self.connection.close()

    def abort(self):
        if self.connection.transport is not None:
            self.connection.transport.abort()


STREAMS = {"tcp": TcpStream, "ws": WsStream}
