"""A request that is no upgrade: it gets an HTTP response, whole, and the end of the connection."""

import asyncio
import dataclasses
import socket
from typing import Optional
from urllib.parse import urlsplit

from case import Verdict
from server import ssl_of

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


@dataclasses.dataclass(frozen=True)
class HttpCase:
    id: str
    name: str
    request: str
    statuses: tuple
    chop: Optional[int] = None
    wrong_version: bool = False  # a 426 has to name the right one (RFC 6455, section 4.4)
    heavy: bool = False

    async def run(self, url, limit_s):
        response = await asyncio.wait_for(self.exchange(url), limit_s)
        return judge_response(response, self.statuses, self.wrong_version)

    async def exchange(self, url):
        """The response up to the end of the connection."""
        loop = asyncio.get_running_loop()
        where = urlsplit(url)
        if (context := ssl_of(url)) is not None:
            return await self.exchange_sealed(where, context)
        with socket.create_connection((where.hostname, where.port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setblocking(False)
            sending = asyncio.ensure_future(self.send(connection, where.netloc))
            response = b""
            try:
                while part := await loop.sock_recv(connection, 65536):
                    response += part
            except ConnectionError:
                pass  # what came before the reset has been read
            finally:
                sending.cancel()
            return response

    async def exchange_sealed(self, where, context):
        reader, writer = await asyncio.open_connection(where.hostname, where.port, ssl=context)
        sending = asyncio.ensure_future(self.write(writer, where.netloc))
        response = b""
        try:
            while part := await reader.read(65536):
                response += part
        except OSError:
            pass  # as above
        finally:
            sending.cancel()
            writer.transport.abort()
        return response

    async def write(self, writer, host):
        try:
            for part in self.parts(host):
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)
        except OSError:
            pass  # refused before its end

    def parts(self, host):
        data = self.request % {"host": host, "key": KEY}
        data = data.replace("\n", "\r\n").encode("latin-1")
        size = self.chop or len(data)
        return [data[at : at + size] for at in range(0, len(data), size)]

    async def send(self, connection, host):
        loop = asyncio.get_running_loop()
        try:
            for part in self.parts(host):
                await loop.sock_sendall(connection, part)
                await asyncio.sleep(0)
        except OSError:
            pass  # refused before its end


def judge_response(response, statuses, needs_version):
    head, end, body = response.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split()
    if not end or len(words) < 2 or words[0] != "HTTP/1.1":
        return Verdict.FAILED, f"no HTTP response: {response[:80]!r}"
    if not words[1].isdigit() or int(words[1]) not in statuses:
        return Verdict.FAILED, f"{lines[0]!r}, expected one of {statuses}"
    fields = dict(line.lower().split(":", 1) for line in lines[1:] if ":" in line)
    length = fields.get("content-length", "").strip()
    if length and int(length) != len(body):
        return Verdict.FAILED, f"Content-Length {length}, but {len(body)} bytes came"
    version = fields.get("sec-websocket-version", "").strip()
    if needs_version and int(words[1]) == 426 and version != "13":
        return Verdict.FAILED, "426 without Sec-WebSocket-Version: 13"
    return Verdict.OK, ""
