#!/usr/bin/env python3
"""A logic service in Python: docs/protocol.md is all that it needs.

`hello.say` greets who asks; `hello.wave` greets everybody who has said hello on the same gateway.

    protoc --python_out=. -I ../../../codec pkt.proto       # makes pkt_pb2.py; needs python3-protobuf
    ./hello.py --id hello01 --port 9601                     # the gateway: Routes: {hello: hello}
"""

import argparse
import asyncio
import json
import signal
import struct
import time
import urllib.request

from google.protobuf.message import DecodeError
import pkt_pb2 as pkt

BINARY, CLOSE, PING, PONG = 2, 8, 9, 10
LOGIC = 0xC311A365
MAX_FRAME = 4 << 20
QUIET = 180  # seconds without a byte after which a link is given up


async def read_frame(reader):
    opcode, length = struct.unpack(">BI", await asyncio.wait_for(reader.readexactly(5), QUIET))
    if length > MAX_FRAME:
        raise ValueError(f"a frame of {length} bytes")
    return opcode, await reader.readexactly(length)


def frame(opcode, payload=b""):
    return struct.pack(">BI", opcode, len(payload)) + payload


def parse(packet):
    magic, header_length = struct.unpack_from(">II", packet)
    if magic != LOGIC:
        raise ValueError("not a logic packet")
    header = pkt.Header.FromString(packet[8:8 + header_length])
    return header, packet[12 + header_length:]


class Link:
    """A gateway's. Its channels are known by their ids."""

    def __init__(self, writer, gateway):
        self.writer, self.gateway, self.channels = writer, gateway, set()

    def send(self, request, flag, channels, status=pkt.Success, body=b""):
        header = pkt.Header(command=request.command, channelId=request.channelId, flag=flag,
                            sequence=request.sequence, dest=request.dest, status=status)
        header.meta.add(key="dest.server", value=self.gateway, type=pkt.string)
        header.meta.add(key="dest.channels", value=",".join(channels), type=pkt.string)
        head = header.SerializeToString()
        packet = struct.pack(">II", LOGIC, len(head)) + head + struct.pack(">I", len(body)) + body
        self.writer.write(frame(BINARY, packet))

    def handle(self, request, _body):
        account = next((meta.value for meta in request.meta if meta.key == "account"), "")
        channel = [request.channelId]
        if request.command == "hello.say":
            self.channels.add(request.channelId)
            self.send(request, pkt.Response, channel, body=f"hello {account}".encode())
        elif request.command == "hello.wave":
            push = pkt.MessagePush(body=f"hello from {account}", sender=account,
                                   messageId=time.time_ns(), sendTime=time.time_ns())
            if self.channels:
                self.send(request, pkt.Push, sorted(self.channels), body=push.SerializeToString())
            self.send(request, pkt.Response, channel)
        else:
            self.send(request, pkt.Response, channel, status=pkt.NotImplemented)


async def serve_link(reader, writer):
    try:
        _, handshake = await asyncio.wait_for(read_frame(reader), 10)
        link = Link(writer, pkt.InnerHandshakeReq.FromString(handshake).ServiceId)
        while True:
            opcode, payload = await read_frame(reader)
            if opcode == BINARY:
                link.handle(*parse(payload))
            elif opcode == PING:
                writer.write(frame(PONG, payload))
            elif opcode == CLOSE:
                writer.write(frame(CLOSE, payload))
                break
            await writer.drain()
    except (asyncio.IncompleteReadError, asyncio.TimeoutError, ConnectionError):
        pass  # the gateway has gone, or Consul has looked whether the port is open
    except (ValueError, struct.error, DecodeError) as error:
        print("a link is closed:", error)
    finally:
        writer.close()


def tell_consul(url, path, body=None):
    request = urllib.request.Request(f"{url}/v1/agent/service/{path}", method="PUT",
                                     data=json.dumps(body).encode())
    urllib.request.urlopen(request, timeout=5).close()


async def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--id", default="hello01", help="differs from every other service's")
    parser.add_argument("--address", default="127.0.0.1", help="where gateways reach it")
    parser.add_argument("--port", type=int, default=9601)
    parser.add_argument("--consul", default="http://127.0.0.1:8500")
    options = parser.parse_args()

    # Before it is known to anybody: from then on it has something to take back.
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    server = await asyncio.start_server(serve_link, options.address, options.port)
    port = server.sockets[0].getsockname()[1]
    # Registered once it accepts, with a meta that is new at each start: a gateway dials again then.
    await asyncio.to_thread(tell_consul, options.consul, "register", {
        "ID": options.id, "Name": "hello", "Address": options.address, "Port": port,
        "Meta": {"protocol": "tcp", "started": str(time.time_ns())},
        "Check": {"CheckID": f"{options.id}_normal", "TCP": f"{options.address}:{port}",
                  "Interval": "10s", "Timeout": "1s", "Status": "passing",
                  "DeregisterCriticalServiceAfter": "1m"}})
    print(f"{options.id}: links on {options.address}:{port}", flush=True)

    await ended.wait()
    await asyncio.to_thread(tell_consul, options.consul, f"deregister/{options.id}")


if __name__ == "__main__":
    asyncio.run(main())
