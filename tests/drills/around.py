"""What stands around a process: its manager, proxies, TLS between processes."""

import asyncio
import json
import signal
import socket
import ssl
import subprocess

from chaos import wire
from chaos.ports import free_port

from .book import drill
from .changing import any_certificate, make_certificate
from .client import Client

SUCCESS = 0


class Manager:
    """What systemd is to a unit of Type=notify."""

    def __init__(self, world):
        self.path = world.folder / "notify"
        self.world = world
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(str(self.path))
        self.lines = []

    def words(self):
        return ["env", f"NOTIFY_SOCKET={self.path}", "WATCHDOG_USEC=2000000"]

    async def is_told(self, line, times=1):
        def came():
            try:
                while True:
                    self.lines += self.socket.recv(8192).decode().splitlines()
            except BlockingIOError:
                return sum(one.startswith(line) for one in self.lines) >= times
        await self.world.until(f"the manager is told {line}", came)


@drill("A service manager", "a gateway has one, is started without services, reloads, and stops",
       "it says that it has started although it is not ready, and why as its status; it feeds the watchdog, and says when a "
       "reload and a drain begin")
async def service_manager(world):
    manager = Manager(world)
    gateway = world.server("gateway01")
    gateway.child = gateway.spawn(before=manager.words())
    await manager.is_told("READY=1")
    await gateway.becomes(503)
    await manager.is_told("WATCHDOG=1", 2)
    gateway.child.signal(signal.SIGHUP)
    await manager.is_told("RELOADING=1")
    await manager.is_told("READY=1", 2)
    gateway.child.end()
    await manager.is_told("STOPPING=1")
    await gateway.ends()
    status = [line for line in manager.lines if line.startswith("STATUS=")]
    world.hold(any("login" in line for line in status), f"the status does not say why it is not ready: {status}")
    world.note(next(line for line in status if "login" in line))


async def behind(world, gateway, account, head=b""):
    """A client that comes with that header; None where it is not let in."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(head)
    one = Client(world.messages, wire.TcpStream(reader, writer), account)
    world.clients.append(one)
    try:
        header, _ = await one.ask("login.signin", world.messages.LoginReq(token=wire.token(account, world.secret)))
    except wire.Ended:
        return None
    return one if header.status == SUCCESS else None


@drill("Behind a proxy",
       "with ProxyProtocol a trusted proxy connects with a header, without one, and one that is not trusted",
       "the client's address is the header's; without a header nobody is let in, and from elsewhere a header is none")
async def proxy(world):
    _, _, gateway = await world.start("login01", "chat01", "gateway01", ProxyProtocol=True, TrustedProxies=["127.0.0.1"])
    head = f"PROXY TCP4 203.0.113.7 127.0.0.1 40000 {gateway.port}\r\n".encode()
    world.hold(await behind(world, gateway, "alice", head), "alice was not let in")
    _, body = await gateway.page("/channels?account=alice")
    world.hold("203.0.113.7" in body, f"/channels has not the header's address: {body}")
    world.hold(not await behind(world, gateway, "bob"), "somebody was let in without a header")
    strange = world.server("gateway02", ProxyProtocol=True, TrustedProxies=["203.0.113.1"])
    await strange.start()
    await strange.becomes(200)
    world.hold(not await behind(world, strange, "carol", head), "somebody's header was believed who is not trusted")
    world.hold(await behind(world, strange, "dave"), "a direct client was not let in")
    world.note("203.0.113.7 is in /channels")


async def ask_in_plain_text(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer


@drill("Monitor and admin ports", "they have a certificate, and are asked over https and in plain text",
       "https is answered, plain text with 400; SIGHUP reads the files again")
async def monitor_tls(world):
    await world.start("login01", "chat01")
    pem, key = make_certificate(world.folder, "monitor")
    gateway = world.server("gateway01", MonitorTlsCert=pem, MonitorTlsKey=key)
    await gateway.start()

    async def ready():
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.monitor, ssl=any_certificate())
        writer.write(b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return answer.startswith(b"HTTP/1.1 200")
    await world.until("https://…/ready is 200", ready)
    answer = await ask_in_plain_text(gateway.monitor)
    world.hold(answer.startswith(b"HTTP/1.1 400"), f"plain text is answered {answer[:40]}")
    shown = await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", gateway.monitor))
    make_certificate(world.folder, "monitor")  # over the old files
    await gateway.reload()
    now = await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", gateway.monitor))
    world.hold(now != shown, "the old certificate is still shown")
    world.note("https: 200; plain text: 400; the new certificate is shown")


def make_authority(folder, name, leaf, *more):
    """Of the page: an authority, and a certificate that it signed. All of them as paths by what they are."""
    files = {part: str(folder / part) for part in (f"{name}-ca.pem", f"{name}-ca.key", f"{leaf}.pem", f"{leaf}.key")}
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]
    for words in (["-subj", f"/CN={name}", "-days", "3650", "-keyout", f"{name}-ca.key", "-out", f"{name}-ca.pem"],
                  ["-subj", f"/CN={leaf}", "-days", "90", "-addext", "basicConstraints=critical,CA:FALSE", *more,
                   "-CA", f"{name}-ca.pem", "-CAkey", f"{name}-ca.key", "-keyout", f"{leaf}.key", "-out", f"{leaf}.pem"]):
        subprocess.run(["openssl", "req", "-x509", *new, *words], check=True, capture_output=True, cwd=folder)
    return files


@drill("Links", "chat listens at tls://; one gateway has the certificates for it, another one has none",
       "the first talks over TLS; the second never dials it in plain text, and says so")
async def link_tls(world):
    services = make_authority(world.folder, "services", "chat", "-addext", "subjectAltName=DNS:chat")
    gateways = make_authority(world.folder, "gateways", "gateway")
    await world.redis.start()
    await world.server("login01").start()
    await world.server("chat01", Listen=f"tls://127.0.0.1:{free_port()}", TlsCert=services["chat.pem"],
                       TlsKey=services["chat.key"], TlsClientCA=gateways["gateways-ca.pem"]).start()
    gateway = await world.server("gateway01", LinkTlsCA=services["services-ca.pem"], LinkTlsCert=gateways["gateway.pem"],
                                 LinkTlsKey=gateways["gateway.key"]).start()
    await gateway.says("link to chat01 (chat) is up")
    await gateway.becomes(200)
    alice, bob = await world.log_in(gateway, "alice"), await world.log_in(gateway, "bob")
    world.hold(await alice.talk("bob", "hello") == SUCCESS, "a talk over TLS failed")
    await world.until("the talk arrives", lambda: bob.has("hello"))
    without = await world.server("gateway02").start()
    await without.counts("ringgate_link_tls_refused_total", 1)
    _, body = await without.page("/services")
    states = {link["state"] for one in json.loads(body)["services"] if one["id"] == "chat01" for link in one["links"]}
    world.hold("up" not in states, f"its links to chat01 are {states}")
    world.note(await without.says("LinkTlsCA"))
