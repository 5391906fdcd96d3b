"""usage: tls_tools_test.py BUILD_FOLDER. `ringgate dev --tls`, and `ringgate client` and ringbench
that speak TLS to it."""

import hashlib
import json
import pathlib
import re
import secrets
import signal
import ssl
import stat
import subprocess
import sys
import tempfile
import time
import unittest

from dev_process import Dev, Relay

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "release")
SECRET = "jwt-1sNzdiSgnNuxyq2g7xml2JvLArU"  # that of `ringgate dev`
TLS = ("--tls", "--tls-tcp", "127.0.0.1:0", "--wss", "127.0.0.1:0")


class TlsTools(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.dev = Dev(BUILD, "--data", cls.folder, *TLS)
        cls.addClassCleanup(cls.dev.stop)
        cls.made = cls.dev.wait_match(r"^certificate for today: (\S+), SHA-256 (\S+)$")
        cls.ca = cls.made[1]

    def bench(self, scenario, target, *flags, code=0, ca=True, secret=SECRET):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "report.json"
            trust = ("--tls-ca", self.ca) if ca else ()
            ended = subprocess.run(
                [BUILD / "benchmarks" / "ringbench", scenario, "--target", target, "--connections",
                 "8", "--duration", "300ms", "--warmup", "50ms", "--threads", "2", "--json", file,
                 "--secret", secret, *trust, *flags],
                capture_output=True, text=True, timeout=60, check=False)
            told = ended.stdout + ended.stderr
            self.assertEqual(ended.returncode, code, told)
            return told, json.loads(file.read_text()) if code == 0 else None

    def test_the_certificate_is_of_the_day_and_its_owners(self):
        shown = subprocess.run(["openssl", "x509", "-in", self.ca, "-noout", "-fingerprint",
                                "-sha256", "-ext", "subjectAltName"],
                               capture_output=True, text=True, check=True).stdout
        self.assertIn(self.made[2], shown)
        self.assertRegex(shown, "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1")
        key = pathlib.Path(self.ca).with_suffix(".key")
        self.assertEqual(stat.S_IMODE(key.stat().st_mode), 0o600)

    def test_in_memory_the_certificate_goes_with_the_process(self):
        dev = Dev(BUILD, *TLS)
        folder = pathlib.Path(dev.wait_match(r"^certificate for today: (\S+),")[1]).parent
        dev.target("wss")
        self.assertTrue(folder.is_dir())
        dev.stop()
        self.assertFalse(folder.exists())

    def test_sighup_takes_another_certificate(self):
        dev = Dev(BUILD, *TLS)
        self.addCleanup(dev.stop)
        first = dev.wait_match(r"^certificate for today: (\S+), SHA-256 (\S+)$")
        host, port = re.fullmatch(r"tls://(\S+):(\d+)", dev.target("tls")).groups()

        def shown():
            der = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((host, int(port))))
            return hashlib.sha256(der).hexdigest().upper()

        self.assertEqual(shown(), first[2].replace(":", ""))
        pathlib.Path(first[1]).with_suffix(".key").unlink()
        dev.process.send_signal(signal.SIGHUP)
        second = dev.wait_match(r"^SIGHUP: certificate for today: (\S+), SHA-256 (\S+)$")
        self.assertEqual(second[1], first[1])
        self.assertNotEqual(second[2], first[2])
        end = time.monotonic() + 20  # shards take it in turn
        while shown() != second[2].replace(":", "") and time.monotonic() < end:
            time.sleep(0.02)
        self.assertEqual(shown(), second[2].replace(":", ""))

    def test_sighup_without_tls_says_that_there_is_nothing_to_read(self):
        dev = Dev(BUILD)
        self.addCleanup(dev.stop)
        dev.target("ws")
        dev.process.send_signal(signal.SIGHUP)
        dev.wait_match(r"^SIGHUP: there is nothing to read again")

    def test_without_tls_nothing_listens_over_it(self):
        dev = Dev(BUILD)
        self.addCleanup(dev.stop)
        dev.target("ws")
        self.assertNotRegex(dev.log.read_text(), "tls|wss")

    def test_the_client_comes_in(self):
        for target in (self.dev.target("tls"), self.dev.target("wss")):
            ended = subprocess.run(
                [BUILD / "services" / "ringgate", "client", target, "--tls-ca", self.ca,
                 "--account", "alice"],
                input="ping\necho there\nquit\n", capture_output=True, text=True, timeout=60,
                check=False)
            self.assertEqual(ended.returncode, 0, ended.stderr)
            self.assertIn("echo: there\n", ended.stdout)

    def test_who_comes_without_tls_is_told(self):
        for scheme in ("tls", "wss"):
            address = re.fullmatch(r"\w+://(\S+?)/?", self.dev.target(scheme)).group(1)
            for target, told in ((f"tcp://{address}", "speaks TLS: write tls:// instead of tcp://"),
                                 (f"ws://{address}/", "speaks TLS: ask by https:// or wss://")):
                ended = subprocess.run([BUILD / "services" / "ringgate", "client", target,
                                        "--account", "alice"], input="ping\n", capture_output=True,
                                       text=True, timeout=60, check=False)
                self.assertEqual(ended.returncode, 1)
                self.assertIn(told, ended.stdout + ended.stderr)

    def test_each_scenario_runs_over_tls(self):
        mix = self.folder / "mix.yaml"
        mix.write_text("- {do: talk, share: 30}\n- {do: ping, share: 70}\n")
        for scheme in ("tls", "wss"):
            for scenario, *flags in (("ping",), ("forward", "--rate", "200"), ("talk",), ("login",),
                                     ("idle", "--heartbeat", "50ms"), ("mix", "--mix", mix)):
                with self.subTest(scheme=scheme, scenario=scenario):
                    _, report = self.bench(scenario, self.dev.target(scheme), *flags)
                    self.assertEqual(report["errors"]["total"], 0)
                    tls = report["tls"]
                    self.assertEqual(tls["resumed"], 0)
                    self.assertGreater(tls["p50_us"], 0)
                    self.assertGreaterEqual(tls["p99_us"], tls["p50_us"])
                    if scenario != "login":
                        self.assertEqual(tls["handshakes"], 8)

    def test_bodies_of_many_records_arrive(self):
        for scheme in ("tls", "wss"):
            _, report = self.bench("forward", self.dev.target(scheme), "--body", "50000")
            self.assertEqual(report["errors"]["total"], 0)

    def test_pushes_arrive(self):
        """To a gateway that finds ringbench's services in a file."""
        certificate = pathlib.Path(self.ca)
        secret = secrets.token_urlsafe(32)
        for scheme in ("tls", "wss"):
            with tempfile.TemporaryDirectory() as folder:
                registry = pathlib.Path(folder) / "services.json"
                config = pathlib.Path(folder) / "gateway.yaml"
                config.write_text(json.dumps({
                    "ServiceID": "tls-push", "Listen": [f"{scheme}://127.0.0.1:0"],
                    "TlsCert": str(certificate), "TlsKey": str(certificate.with_suffix(".key")),
                    "RegistryFile": str(registry), "Shards": 1, "AppSecret": secret,
                    "Depends": ["login"]}))
                gateway = subprocess.Popen(
                    [BUILD / "services" / "ringgate", "gateway", "-c", config],
                    stdout=subprocess.PIPE, text=True)
                try:
                    address = next(line.split()[2] for line in gateway.stdout
                                   if line.startswith(f"listening {scheme}"))
                    _, report = self.bench(
                        "push", f"{scheme}://{address}" + ("/" if scheme == "wss" else ""),
                        "--registry-file", registry, "--fanout", "8", "--rate", "50", secret=secret)
                finally:
                    gateway.terminate()
                    gateway.communicate(timeout=20)
                self.assertGreater(report["answered"], 0)
                self.assertEqual(report["errors"]["total"], 0)
                self.assertEqual(report["tls"]["handshakes"], 8)

    def test_sessions_are_resumed_where_that_is_asked_for(self):
        for scheme, scenario in (("tls", "login"), ("wss", "ping")):
            told, report = self.bench(scenario, self.dev.target(scheme), "--tls-resume")
            self.assertEqual(report["tls"]["resumed"], report["tls"]["handshakes"])
            self.assertIn("100 % resumed", told)

    def context(self, kind=ssl.SSLContext):
        context = kind(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca, pathlib.Path(self.ca).with_suffix(".key"))
        return context

    def relay(self, context):
        host, port = re.fullmatch(r"tcp://(\S+):(\d+)", self.dev.target("tcp")).groups()
        relay = Relay(context, (host, int(port)))
        self.addCleanup(relay.close)
        return relay

    def test_who_gives_no_session_is_told_of(self):
        context = self.context()
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.num_tickets = 0
        target = f"tls://127.0.0.1:{self.relay(context).port}"
        _, report = self.bench("ping", target)
        self.assertEqual(report["errors"]["total"], 0)
        told, _ = self.bench("ping", target, "--tls-resume", code=1)
        self.assertIn("gives no session that could be resumed: leave out --tls-resume", told)

    def test_a_session_that_is_not_taken_is_told_of(self):
        """As by a target that was started again after it gave the session."""
        class Forgetful(ssl.SSLContext):
            def wrap_socket(self, *arguments, **options):
                relay.context = others  # with keys of its own
                return super().wrap_socket(*arguments, **options)

        others = self.context()
        relay = self.relay(self.context(Forgetful))
        told, report = self.bench("ping", f"tls://127.0.0.1:{relay.port}", "--tls-resume")
        self.assertEqual(report["errors"]["total"], 0)
        self.assertEqual(report["tls"]["resumed"], 0)
        self.assertIn("did not take the session of --tls-resume in 8 of 8 handshakes", told)

    def test_who_wants_a_certificate_is_told_of(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.context()
            context.minimum_version = context.maximum_version = version
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca)
            relay = self.relay(context)
            for flags in ((), ("--tls-resume",)):
                told, _ = self.bench("ping", f"tls://127.0.0.1:{relay.port}", *flags, code=1)
                self.assertRegex(told, "a certificate of ours.*--tls-cert and --tls-key")
                self.assertNotIn("see its log", told)

    def test_version_1_2_is_spoken(self):
        context = self.context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        relay = self.relay(context)
        for flags in ((), ("--tls-resume",)):
            _, report = self.bench("forward", f"tls://127.0.0.1:{relay.port}", *flags)
            self.assertEqual(report["errors"]["total"], 0)
            self.assertEqual(report["tls"]["resumed"], 8 if flags else 0)
        self.assertEqual({version for version, _ in relay.chosen}, {"TLSv1.2"})

    def test_what_is_wrong_is_said(self):
        for flags in ((), ("--tls-resume",)):
            told, _ = self.bench("ping", self.dev.target("tls"), *flags, code=1, ca=False)
            self.assertIn("is not signed by an authority that is trusted here", told)
            self.assertNotIn("cannot connect", told)
            told, _ = self.bench("ping", "tls://127.0.0.1:1", *flags, code=1)
            self.assertIn("nothing listens there: start the target", told)
        told, _ = self.bench("ping", self.dev.target("ws").replace("ws:", "wss:"), code=1)
        self.assertRegex(told, "does not speak TLS|check that this port speaks TLS")
        self.bench("ping", self.dev.target("tls"), "--tls-insecure", ca=False)
        told, _ = self.bench("ping", self.dev.target("tls").replace("tls:", "tcp:"), code=1, ca=False)
        self.assertIn("it speaks TLS; write tls:// instead of tcp://", told)
        told, _ = self.bench("ping", self.dev.target("wss").replace("wss:", "ws:"), code=1, ca=False)
        self.assertIn("ask by https:// or wss://", told)

    def test_without_tls_the_report_says_so(self):
        told, report = self.bench("ping", self.dev.target("tcp"), ca=False)
        self.assertIsNone(report["tls"])
        self.assertNotIn("handshakes", told)


if __name__ == "__main__":
    sys.argv[1:] = []
    unittest.main(verbosity=2)
