"""usage: service_manager_test.py RINGGATE. What a real process tells a service manager from its start to its
end."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

CONFIG = """\
ServiceID: gateway01
Listen: 127.0.0.1:0
AppSecret: {secret}
RegistryFile: {folder}/services.json
LogLevel: {level}
"""


class Process(unittest.TestCase):
    ringgate = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.file = self.folder / "gateway.yaml"
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.settimeout(30)
        self.manager.bind(str(self.folder / "notify"))
        self.write("info")
        environment = dict(os.environ, NOTIFY_SOCKET=str(self.folder / "notify"), WATCHDOG_USEC="2000000")
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen([self.ringgate, "gateway", "-c", self.file], env=environment,
                                            stderr=log, stdout=log)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)

    def write(self, level):
        self.file.write_text(CONFIG.format(folder=self.folder, secret="s" * 32, level=level))

    def next_with(self, line):
        """The next message that has it."""
        while True:
            message = self.manager.recv(8192).decode().splitlines()
            if line in message:
                return message

    def status(self, part):
        while True:
            for line in self.manager.recv(8192).decode().splitlines():
                if line.startswith("STATUS=") and part in line:
                    return

    def test_from_start_to_end(self):
        # Without a login service it is not ready for clients, and has started all the same.
        self.next_with("READY=1")
        self.assertIn("listening tcp", (self.folder / "log").read_text())
        self.next_with("WATCHDOG=1")
        self.write("debug")
        self.process.send_signal(signal.SIGHUP)
        self.next_with("RELOADING=1")
        self.next_with("READY=1")
        self.write("loud")
        self.process.send_signal(signal.SIGHUP)
        self.next_with("RELOADING=1")
        refused = self.next_with("READY=1")
        self.assertIn("the last reload was refused", "".join(refused))
        self.next_with("WATCHDOG=1")
        self.process.send_signal(signal.SIGTERM)
        self.assertTrue(any(line.startswith("EXTEND_TIMEOUT_USEC=") for line in self.next_with("STOPPING=1")))
        self.assertEqual(self.process.wait(30), 0)

    def test_the_status_says_what_is_missing(self):
        self.status("login")


if __name__ == "__main__":
    Process.ringgate = sys.argv[1]
    unittest.main(argv=sys.argv[:1])
