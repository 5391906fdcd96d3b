"""usage: command_test.py RINGGATE. scripts/drills as a command: its flags, how it ends, and that nothing of it stays."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

DRILLS = pathlib.Path(__file__).resolve().parent.parent.parent / "scripts/drills"
BINARY = pathlib.Path(sys.argv[1])
PATIENCE_S = 60


def drills(*arguments):
    return subprocess.run([DRILLS, "--binary", BINARY, *arguments], capture_output=True, text=True, timeout=PATIENCE_S,
                          check=False)


def children_of(pid):
    return [int(child) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text(encoding="utf-8").split()]


class Command(unittest.TestCase):
    def test_help_and_mistakes(self):
        ended = drills("--help")
        self.assertEqual(ended.returncode, 0)
        for flag in ("--only", "--list", "--jobs", "--binary", "--keep"):
            self.assertIn(flag, ended.stdout)
        self.assertEqual(drills("--bogus").returncode, 2)
        ended = drills("--only", "no-such-drill")
        self.assertEqual(ended.returncode, 2)
        self.assertIn("--list says which there are", ended.stderr)
        self.assertIn("takeover (Replace a gateway: --takeover)", drills("--list").stdout)

    def test_one_that_holds(self):
        ended = drills("--only", "one-id")
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
        self.assertIn("1 of 1 do what the page says", ended.stdout)

    def test_one_that_does_not(self):
        with tempfile.TemporaryDirectory() as folder:
            # Any mistake is a good configuration here.
            liar = pathlib.Path(folder) / "ringgate"
            liar.write_text(f"#!/bin/sh\ncase $* in *gateway02*) exit 0 ;; esac\nexec {BINARY} \"$@\"\n", encoding="utf-8")
            liar.chmod(0o755)
            ended = drills("--binary", str(liar), "--only", "mistakes")
        self.assertEqual(ended.returncode, 1, ended.stdout + ended.stderr)
        self.assertIn("NOT SO", ended.stdout)
        self.assertIn("not mistakes", ended.stdout)

    def test_an_interrupt_leaves_nothing(self):
        with subprocess.Popen([DRILLS, "--binary", BINARY, "--only", "second-signal"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as process:
            end = time.monotonic() + PATIENCE_S
            children = []
            while len(children) < 4 and time.monotonic() < end:  # Redis, login, chat, gateway
                time.sleep(0.01)
                children = children_of(process.pid)
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, 130, told)
        self.assertIn("interrupted", told)
        self.assertEqual(len(children), 4)
        self.assertEqual([child for child in children if os.path.exists(f"/proc/{child}")], [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
