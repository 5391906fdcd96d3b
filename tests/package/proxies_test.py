"""usage: proxies_test.py BUILD_FOLDER. The samples of docs/deploy.md for what stands in front of gateways: the
programs themselves read them, and a client logs in through them."""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

import skips

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PATIENCE_S = 60
SECRET = "a secret of this test, and long"


def sample(language):
    text = (ROOT / "docs/deploy.md").read_text()
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)
    return found


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def wait(what, condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"never {what}")
        time.sleep(0.02)


class Proxies(unittest.TestCase):
    build = None

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.tcp, cls.ws, cls.monitor, cls.admin = (free_port() for _ in range(4))
        registry = f"RegistryFile: {cls.folder}/services.json\n"
        cls.start("chat", "ServiceID: chat01\nListen: 127.0.0.1:0\nMemorySessions: true\nMessageStore: 'memory:'\n"
                  "Shards: 1\n" + registry)
        cls.start("gateway", f"ServiceID: gateway01\nAppSecret: '{SECRET}'\n"
                  f"Listen: ['127.0.0.1:{cls.tcp}?proxy=required', 'ws://127.0.0.1:{cls.ws}/?proxy=off']\n"
                  "ProxyProtocol: true\nTrustedProxies: [127.0.0.1]\nRoutes: {login: chat}\nDepends: [login, chat]\n"
                  f"Shards: 1\nMonitorPort: {cls.monitor}\nAdminPort: {cls.admin}\n" + registry)
        wait("ready", cls.is_ready)

    @classmethod
    def start(cls, role, text):
        file = cls.folder / f"{role}.yaml"
        file.write_text(text)
        cls.run_beside(cls.build / "services/ringgate", role, "-c", file)

    @classmethod
    def run_beside(cls, *words):
        log = open(cls.folder / f"{pathlib.Path(words[0]).name}.log", "ab")  # pylint: disable=consider-using-with
        cls.addClassCleanup(log.close)
        process = subprocess.Popen([str(word) for word in words], stdout=log, stderr=log)  # pylint: disable=consider-using-with
        cls.addClassCleanup(process.wait)
        cls.addClassCleanup(process.terminate)

    @classmethod
    def is_ready(cls):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{cls.monitor}/ready") as answer:
            return answer.status == 200
        return False

    def point(self, text, ports):
        """The sample with this test's addresses and ports in place of its own."""
        text = re.sub(r"^ *server (gateway02 )?10\.0\.0\.8.*\n", "", text, flags=re.M)
        for old, new in ports.items():
            self.assertIn(old, text)
            text = text.replace(old, new)
        self.assertNotIn("10.0.0.", text)
        return text

    def log_in(self, target, account):
        """Until it gets through: who stands in front may not have asked /ready yet."""
        def comes_in():
            ended = subprocess.run([self.build / "services/ringgate", "client", target, "--account", account,
                                    "--secret", SECRET], input="ping\nquit\n", capture_output=True, text=True,
                                   timeout=PATIENCE_S, check=False)
            return ended.returncode == 0 and "pong" in ended.stdout
        wait(f"logged in at {target}", comes_in)

    @unittest.skipUnless(shutil.which("haproxy") or os.path.exists("/usr/sbin/haproxy"), "no haproxy here")
    def test_haproxy(self):
        tcp, ws = free_port(), free_port()
        file = self.folder / "haproxy.cfg"
        file.write_text(self.point(sample("haproxy"), {
            "bind :9001": f"bind 127.0.0.1:{tcp}", "bind :9000": f"bind 127.0.0.1:{ws}",
            "10.0.0.7:8001": f"127.0.0.1:{self.tcp}", "10.0.0.7:8000": f"127.0.0.1:{self.ws}",
            "port 8081": f"port {self.monitor}", "maxconn 200000": "maxconn 1000"}))
        haproxy = shutil.which("haproxy") or "/usr/sbin/haproxy"
        checked = subprocess.run([haproxy, "-c", "-f", file], capture_output=True, text=True, check=False)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assertNotIn("WARNING", checked.stderr)
        self.run_beside(haproxy, "-db", "-f", file)
        self.log_in(f"tcp://127.0.0.1:{tcp}", "alice")
        self.log_in(f"ws://127.0.0.1:{ws}/", "bob")

    @unittest.skipUnless(shutil.which("nginx") or os.path.exists("/usr/sbin/nginx"), "no nginx here")
    def test_nginx(self):
        port = free_port()
        own = (f"daemon off; pid {self.folder}/nginx.pid; error_log stderr; worker_processes 1;\n"
               if os.geteuid() else
               f"user root; daemon off; pid {self.folder}/nginx.pid; error_log stderr; worker_processes 1;\n")
        text = self.point(sample("nginx"), {
            "listen 9000": f"listen 127.0.0.1:{port}", "10.0.0.7:8000": f"127.0.0.1:{self.ws}",
            "worker_rlimit_nofile 200000": "worker_rlimit_nofile 2000",
            "worker_connections 100000": "worker_connections 1000",
            "http {": "http { access_log off; " + "".join(
                f"{kind}_temp_path {self.folder}/nginx-{kind}; "
                for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))})
        file = self.folder / "nginx.conf"
        file.write_text(own + text)
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        checked = subprocess.run([nginx, "-t", "-c", file, "-p", self.folder], capture_output=True, text=True,
                                 check=False)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.run_beside(nginx, "-c", file, "-p", self.folder)
        self.log_in(f"ws://127.0.0.1:{port}/", "carol")


if __name__ == "__main__":
    Proxies.build = pathlib.Path(sys.argv[1]).resolve()
    skips.main()
