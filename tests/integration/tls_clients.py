"""Clients that everybody has, against the TLS listeners of a running gateway: Python's ssl, openssl s_client, curl.

    tls_clients.py TLS_PORT WSS_PORT CA_FILE
"""

import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile

# A heartbeat of the protocol in a TCP frame, and its answer.
PING = bytes([2, 0, 0, 0, 8]) + bytes([0xC3, 0x15, 0xA7, 0x65, 0, 1, 0, 0])
PONG = bytes([2, 0, 0, 0, 8]) + bytes([0xC3, 0x15, 0xA7, 0x65, 0, 2, 0, 0])
PATIENCE_S = 30


def read(stream, size):
    """Exactly so many bytes of a file or a socket."""
    take = stream.recv if isinstance(stream, socket.socket) else stream.read1
    got = b""
    while len(got) < size:
        part = take(size - len(got))
        assert part, f"the end came after {got!r}"
        got += part
    return got


def python_pings(port, authority, version):
    context = ssl.create_default_context(cafile=authority)
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as client:
            assert client.version() == version.name.replace("_", "."), client.version()
            for _ in range(3):
                client.sendall(PING * 10)
                assert read(client, len(PONG) * 10) == PONG * 10
            client.unwrap()  # close_notify both ways


class SClient:
    """openssl s_client; with `commands` it is not quiet, and takes lines such as K."""

    def __init__(self, port, authority, *arguments, commands=False):
        quiet = [] if commands else ["-quiet", "-no_ign_eof"]
        self.process = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost",
             "-verify_return_error", "-CAfile", authority, *quiet, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
        self.out = self.process.stdout

    def write(self, data):
        self.process.stdin.write(data)

    def read_until(self, what):
        got = b""
        while what not in got:
            part = self.out.read(4096)
            assert part, f"no {what!r} in {got!r}"
            got += part
        return got

    def end(self):
        self.process.stdin.close()
        rest = self.out.read()
        assert self.process.wait(PATIENCE_S) == 0
        return rest


def s_client_pings(port, authority, version):
    client = SClient(port, authority, version)
    client.write(PING * 2)
    client.read_until(PONG * 2)
    client.end()


def s_client_resumes(port, authority, version, folder):
    """A session that was written to a file is taken up by another process."""
    file = str(pathlib.Path(folder) / f"session{version}")
    first = SClient(port, authority, version, "-sess_out", file)
    first.write(PING)
    first.read_until(PONG)
    first.end()
    second = SClient(port, authority, version, "-sess_in", file, commands=True)
    second.read_until(b"\nReused, ")
    second.write(PING + b"\n")
    second.read_until(PONG)
    second.process.kill()
    second.process.wait()


def s_client_updates_keys(port, authority):
    """"K" asks for a key update of both sides; what follows is sealed with the new ones."""
    client = SClient(port, authority, "-tls1_3", commands=True)
    client.read_until(b"Verify return code: 0 (ok)")
    for _ in range(3):
        client.write(b"K\n")
        client.read_until(b"KEYUPDATE")
        client.write(PING)
        client.read_until(PONG)
    client.process.kill()
    client.process.wait()


def curl_upgrades(port, authority):
    """The answer to an upgrade, over TLS and ALPN http/1.1."""
    client = subprocess.Popen(
        ["curl", "--silent", "--verbose", "--max-time", str(PATIENCE_S), "--cacert", authority,
         "--resolve", f"localhost:{port}:127.0.0.1", "--http1.1",
         "-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13",
         "-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"https://localhost:{port}/"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = iter(client.stderr.readline, b"")  # what it gets is shown at once there
    assert any(line.startswith(b"< HTTP/1.1 101 ") for line in said)
    client.kill()
    client.wait()


def curl_is_refused(port, authority):
    """What is no upgrade is answered in HTTP; plain HTTP, in words."""
    over_tls = subprocess.run(
        ["curl", "--silent", "--max-time", str(PATIENCE_S), "--cacert", authority,
         "--resolve", f"localhost:{port}:127.0.0.1", "-o", "/dev/null", "-w", "%{http_code} %{http_version}",
         f"https://localhost:{port}/"], capture_output=True, check=True)
    assert over_tls.stdout == b"400 1.1", over_tls.stdout
    plain = subprocess.run(
        ["curl", "--silent", "--include", "--max-time", str(PATIENCE_S), f"http://127.0.0.1:{port}/"],
        capture_output=True, check=True)
    assert plain.stdout.startswith(b"HTTP/1.1 400 ") and b"https://" in plain.stdout, plain.stdout


def main():
    tls_port, wss_port, authority = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        python_pings(tls_port, authority, version)
    with tempfile.TemporaryDirectory() as folder:
        for version in ("-tls1_2", "-tls1_3"):
            s_client_pings(tls_port, authority, version)
            s_client_resumes(tls_port, authority, version, folder)
    s_client_updates_keys(tls_port, authority)
    curl_is_refused(wss_port, authority)
    curl_upgrades(wss_port, authority)
    print("all clients were served")


main()
