"""usage: top_test.py BUILD_FOLDER: `ringgate top` in a terminal, and without one."""

import fcntl
import os
import pathlib
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

from dev_process import Dev

BUILD = pathlib.Path(sys.argv[1])
RINGGATE = BUILD / "services" / "ringgate"
PATIENCE_S = 20
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


class Terminal:
    """A terminal of 100 columns and 30 rows with `ringgate top` in it."""

    def __init__(self, gateway):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.slave = slave
        self.before = termios.tcgetattr(slave)
        self.text = b""
        self.process = subprocess.Popen(
            [RINGGATE, "top", "--gateway", gateway], stdin=slave, stdout=slave,
            stderr=subprocess.STDOUT, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def wait_for(self, what, begin=0):
        end = time.monotonic() + PATIENCE_S
        while what not in self.text[begin:]:
            assert time.monotonic() < end, f"{what} is not in {self.text!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                self.text += os.read(self.master, 65536)
        return self.text.index(what, begin)

    def press(self, keys):
        os.write(self.master, keys)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_S)
        os.close(self.master)
        os.close(self.slave)


class Top(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dev = Dev(BUILD)
        cls.addClassCleanup(cls.dev.stop)
        cls.gateway = cls.dev.wait_match(r"^admin http://([^/]+)/try$")[1]
        cls.dev.wait_match(r"^listening ws ")

    def open(self):
        terminal = Terminal(self.gateway)
        self.addCleanup(terminal.close)
        terminal.wait_for(ENTER)
        terminal.wait_for(b"dev-gateway")
        return terminal

    def expect_as_before(self, terminal, code=0):
        terminal.wait_for(LEAVE)
        self.assertEqual(terminal.process.wait(PATIENCE_S), code)
        self.assertEqual(termios.tcgetattr(terminal.slave), terminal.before)

    def test_refreshes_until_q(self):
        terminal = self.open()
        self.assertNotEqual(termios.tcgetattr(terminal.slave), terminal.before)
        first = terminal.wait_for(b"ringgate ")
        second = terminal.wait_for(b"\x1b[H", first)  # drawn again
        terminal.wait_for(b"dev-services", second)
        terminal.press(b"xq")
        self.expect_as_before(terminal)

    def test_ctrl_c_and_signals_leave_the_terminal_as_it_was(self):
        terminal = self.open()
        terminal.press(b"\x03")
        self.expect_as_before(terminal)
        terminal = self.open()
        terminal.process.send_signal(signal.SIGTERM)
        self.expect_as_before(terminal)

    def test_without_a_terminal_it_prints_once(self):
        done = subprocess.run([RINGGATE, "top", "--gateway", "http://" + self.gateway],
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S,
                              check=True)
        text = done.stdout.decode()
        self.assertNotIn("\x1b", text)
        for part in ("ringgate dev-gateway", "connections", "errors/s", "why connections ended"):
            self.assertIn(part, text)

    def test_what_is_wrong_is_a_sentence(self):
        for gateway, code, says in (("127.0.0.1:1", 1, "nothing listens"),
                                    ("https://127.0.0.1:1", 1, "dev --tls --admin 127.0.0.1:1"),
                                    ("nonsense", 2, "--gateway"),
                                    (self.dev.target().removeprefix("tcp://"), 1, "")):
            done = subprocess.run([RINGGATE, "top", "--gateway", gateway], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertTrue(done.stderr.startswith("ringgate: "), done.stderr)
            self.assertIn(says, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1)


class AGatewayThatEnds(unittest.TestCase):
    def test_is_told_and_waited_for(self):
        dev = Dev(BUILD)
        terminal = None
        try:
            gateway = dev.wait_match(r"^admin http://([^/]+)/try$")[1]
            dev.wait_match(r"^listening ws ")  # before that it answers that it is starting
            terminal = Terminal(gateway)
            terminal.wait_for(b"dev-gateway")
        finally:
            dev.stop()
        try:
            terminal.wait_for(b"no answer: ")
            terminal.press(b"q")
            self.assertEqual(terminal.process.wait(PATIENCE_S), 0)
        finally:
            terminal.close()


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
