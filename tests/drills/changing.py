"""What changes while it runs: SIGHUP."""

import asyncio
import secrets
import ssl
import subprocess

from chaos import wire
from chaos.ports import free_port

from .book import drill
from .client import Client, Refused

UNAUTHORIZED = 105


@drill("Reload: SIGHUP", "a configuration with a mistake is loaded, then one with a key that needs a restart",
       "nothing of either is taken, the log says why, and clients notice nothing")
async def reload(world):
    _, _, gateway = await world.start("login01", "chat01", "gateway01")
    alice = await world.log_in(gateway, "alice")
    for changes in ({"IdleTimeout": "soon"}, {"IdleTimeout": "3m", "Shards": 1}):
        line = await gateway.reload(**changes)
        world.hold("nothing is reloaded" in line, f"it says: {line}")
        world.note(line.split("SIGHUP: ")[1])
    line = await gateway.reload(Shards=2)
    world.hold("IdleTimeout changed" in line, f"it says: {line}")
    world.hold(await alice.ping(), "alice was closed")


@drill("Reload: SIGHUP", "the secret is changed: the old one becomes AppSecretPrevious, later it goes",
       "tokens of both are taken meanwhile, those of the old one are refused afterwards, and nobody is closed")
async def secret(world):
    _, _, gateway = await world.start("login01", "chat01", "gateway01")
    old, new = world.secret, secrets.token_hex(16)
    alice = await world.log_in(gateway, "alice")
    await gateway.reload(AppSecret=new, AppSecretPrevious=old)
    bob = await world.log_in(gateway, "bob", secret=old)
    carol = await world.log_in(gateway, "carol", secret=new)
    await gateway.reload(AppSecretPrevious=None)
    await world.log_in(gateway, "dave", secret=new)
    try:
        await world.log_in(gateway, "eve", secret=old)
    except Refused as refused:
        world.hold(refused.status == UNAUTHORIZED, str(refused))
    else:
        world.hold(False, "a token of the old secret is still taken")
    for one in (alice, bob, carol):
        world.hold(await one.ping(), f"{one.account} was closed")
    world.note("old and new taken, then only the new one; nobody closed")


def make_certificate(folder, name, days=30):
    """As the page has it, by itself: nobody looks at who signed it here."""
    files = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc",
                    "-days", str(days), "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost",
                    "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", files[1], "-out", files[0]],
                   check=True, capture_output=True)
    return map(str, files)


def any_certificate():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def served(port):
    return await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", port))


@drill("TLS", "a certificate is replaced and SIGHUP sent; then one whose key is another's",
       "who connects gets the new one, who is connected stays; the pair that does not match is refused whole")
async def certificate(world):
    port = free_port()
    pem, key = make_certificate(world.folder, "first")
    await world.start("login01", "chat01")
    gateway = world.server("gateway01", TlsCert=pem, TlsKey=key)
    gateway.write(Listen=[f"tls://127.0.0.1:{port}"])
    await gateway.start()
    await gateway.becomes(200)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=any_certificate())
    alice = Client(world.messages, wire.TcpStream(reader, writer), "alice")
    world.clients.append(alice)
    await alice.ask("login.signin", world.messages.LoginReq(token=wire.token("alice", world.secret)))
    before = await served(port)
    pem, key = make_certificate(world.folder, "second")
    await gateway.reload(TlsCert=pem, TlsKey=key)
    world.hold(await served(port) != before, "the old certificate is still shown")
    world.hold(await alice.ping(), "alice was closed")
    line = await gateway.reload(TlsCert=str(world.folder / "first.pem"))
    world.hold("nothing is reloaded" in line, f"it says: {line}")
    world.hold(await served(port) != before, "another certificate is shown")
    world.note("the new one is shown, alice stays")
    world.note(line.split("SIGHUP: ")[1])


def shake(port, session=None):
    """A session of TLS 1.2, which has its ticket when the handshake is done, and whether it was resumed."""
    import socket
    context = shake.context
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        with context.wrap_socket(plain, session=session) as stream:
            return stream.session, stream.session_reused


@drill("TLS", "a new ticket key comes in front of the file of two gateways, and the day after another one",
       "a ticket of one gateway is good at the other; of the key behind it is still good, of an older one it is not")
async def ticket_keys(world):
    shake.context = any_certificate()
    shake.context.maximum_version = ssl.TLSVersion.TLSv1_2
    pem, key = make_certificate(world.folder, "both")
    file = world.folder / "tickets"
    keys = [secrets.token_hex(80)]
    file.write_text(keys[0] + "\n", encoding="utf-8")
    file.chmod(0o600)
    await world.start("login01", "chat01")
    ports, gateways = [], []
    for name in ("gateway01", "gateway02"):
        gateway = world.server(name, TlsCert=pem, TlsKey=key, TlsTicketKeys=str(file))
        ports.append(free_port())
        gateway.write(Listen=[f"tls://127.0.0.1:{ports[-1]}"])
        gateways.append(await gateway.start())
    session, _ = await asyncio.to_thread(shake, ports[0])
    for round_, is_good in enumerate((True, True, False)):
        _, reused = await asyncio.to_thread(shake, ports[1], session)
        world.hold(reused == is_good, f"after {round_} new keys the ticket is {'good' if reused else 'not good'}")
        world.note(f"after {round_} new keys: {'resumed' if reused else 'a whole handshake'}")
        keys = [secrets.token_hex(80), keys[0]]
        file.write_text("\n".join(keys) + "\n", encoding="utf-8")
        for gateway in gateways:
            await gateway.reload()
