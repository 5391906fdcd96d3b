"""usage: tls_client_test.py BUILD_FOLDER. `ringgate client` over TLS as somebody else speaks it:
Python's ssl in front of a `ringgate dev`, and openssl s_server."""

import pathlib
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

from dev_process import Authority, Dev, Relay

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "release")
SCRIPT = "ping\ntalk bob hello\necho there\nquit\n"


class TlsClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dev = Dev(BUILD)
        cls.addClassCleanup(cls.dev.stop)
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.authority = Authority(folder.name)
        cls.good = cls.authority.make("good", "DNS:localhost,IP:127.0.0.1")

    def relay(self, scheme="tcp", files=None, change=lambda context: None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*(files or self.good))
        context.set_alpn_protocols(["http/1.1"])
        change(context)
        host, port = re.fullmatch(r"\w+://(\S+):(\d+)/?", self.dev.target(scheme)).groups()
        relay = Relay(context, (host, int(port)))
        self.addCleanup(relay.close)
        return relay

    def client(self, target, *flags, code=0, trusts=True):
        """What it says on stdout and on stderr."""
        trust = ("--tls-ca", self.authority.pem) if trusts else ()
        ended = subprocess.run([BUILD / "services" / "ringgate", "client", target, "--account",
                                "alice", *trust, *flags], input=SCRIPT, capture_output=True,
                               text=True, timeout=60, check=False)
        self.assertEqual(ended.returncode, code, f"{ended.stdout}\n{ended.stderr}")
        return ended.stdout, ended.stderr

    def refused(self, *arguments, **options):
        output, problem = self.client(*arguments, code=1, **options)
        self.assertEqual(output, "")
        return problem

    def expect_session(self, said):
        self.assertRegex(said[0], r"^logged in as alice, channel \S+\npong [\d.]+ ms\n")
        self.assertIn("echo: there\n", said[0])

    def test_speaks_over_both_transports_and_versions(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            def fix(context, version=version):
                context.minimum_version = context.maximum_version = version
            tcp, ws = self.relay("tcp", change=fix), self.relay("ws", change=fix)
            self.expect_session(self.client(f"tls://127.0.0.1:{tcp.port}"))
            self.expect_session(self.client(f"wss://localhost:{ws.port}/"))
            name = {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version.name]
            self.assertEqual(tcp.chosen, [(name, None)])
            self.assertEqual(ws.chosen, [(name, "http/1.1")])

    def test_old_flags_take_it_too(self):
        tcp, ws = self.relay("tcp"), self.relay("ws")
        trust = ("--tls-ca", self.authority.pem)
        for flags in (("--tcp", f"tls://127.0.0.1:{tcp.port}"), ("--ws", f"wss://127.0.0.1:{ws.port}/")):
            ended = subprocess.run(
                [BUILD / "services" / "ringgate", "client", *flags, *trust, "--account", "alice"],
                input=SCRIPT, capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(ended.returncode, 0, ended.stderr)

    def test_insecure_says_so(self):
        relay = self.relay()
        output, problem = self.client(f"tls://127.0.0.1:{relay.port}", "--tls-insecure",
                                      trusts=False)
        self.expect_session((output, problem))
        self.assertIn("--tls-insecure: nobody knows who is at the other end", problem)

    def test_each_certificate_that_is_not_good_has_a_sentence(self):
        relay = self.relay()
        self.assertIn("is not signed by an authority that is trusted here: name the authority's "
                      "certificate with --tls-ca",
                      self.refused(f"tls://127.0.0.1:{relay.port}", trusts=False))
        other = self.relay(files=self.authority.make("other", "DNS:gateway.example"))
        self.assertIn("is for gateway.example and not for localhost: connect by a name",
                      self.refused(f"tls://localhost:{other.port}"))
        old = self.relay(files=self.authority.make("old", "IP:127.0.0.1", days=-1))
        self.assertRegex(self.refused(f"tls://127.0.0.1:{old.port}"), "has expired on .*: whoever")

    def test_mutual_tls(self):
        def ask(context):
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.authority.pem)
        certificate, key = self.authority.make("me", "DNS:me")
        mine = ("--tls-cert", certificate, "--tls-key", key)
        for scheme, seen in (("tcp", "tls"), ("ws", "wss")):
            relay = self.relay(scheme, change=ask)
            target = f"{seen}://127.0.0.1:{relay.port}" + ("/" if scheme == "ws" else "")
            self.expect_session(self.client(target, *mine))
            self.assertIn('refused TLS with the alert "certificate required": it wants a '
                          "certificate of ours; name one with --tls-cert and --tls-key",
                          self.refused(target))

    def test_who_speaks_no_tls_is_told_of(self):
        host, port = re.fullmatch(r"ws://(\S+):(\d+)/", self.dev.target("ws")).groups()
        self.assertRegex(self.refused(f"wss://{host}:{port}/"),
                         "does not speak TLS|check that this port speaks TLS")
        greeter = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(greeter.close)

        def greet():
            with greeter.accept()[0] as client:
                client.sendall(b"220 mail.example ESMTP\r\n")
                client.recv(1000)
        threading.Thread(target=greet, daemon=True).start()
        self.assertIn("does not speak TLS", self.refused(f"tls://127.0.0.1:{greeter.getsockname()[1]}"))

    def test_alerts_of_servers_have_a_sentence(self):
        def ciphers(context):
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")  # the certificate is of ECDSA
        relay = self.relay(change=ciphers)
        self.assertIn('refused TLS with the alert "handshake failure": it has no cipher in common',
                      self.refused(f"tls://127.0.0.1:{relay.port}"))

        def h2_only(context):
            context.set_alpn_protocols(["h2"])
        relay = self.relay("ws", change=h2_only)
        told = self.client(f"wss://127.0.0.1:{relay.port}/")  # Python goes on without one
        self.expect_session(told)

    def test_flags_of_tls_need_tls(self):
        problem = subprocess.run(
            [BUILD / "services" / "ringgate", "client", self.dev.target(), "--account", "alice",
             "--tls-insecure"], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(problem.returncode, 2)
        self.assertIn("tls:// and wss:// only", problem.stderr)


if __name__ == "__main__":
    sys.argv[1:] = []
    unittest.main(verbosity=2)
