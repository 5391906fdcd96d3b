"""usage: load_drills_test.py BUILD_FOLDER. Each drill of scripts/load for a moment against a
`ringgate dev` of its own: it holds, and it ends with another code when its property is broken."""

import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LOAD = ROOT / "scripts" / "load"
BUILD = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "release")
DRILLS = ("heartbeat-soak", "login-storm", "talk-mix", "rolling-restart")
NOBODY = "tcp://127.0.0.1:1"


class Dev:
    """`ringgate dev` on free ports."""

    def __init__(self):
        self.output = tempfile.NamedTemporaryFile(mode="r", encoding="utf-8")
        self.process = subprocess.Popen(
            [BUILD / "services" / "ringgate", "dev", "--shards", "1",
             *(word for flag in ("--tcp", "--ws", "--admin") for word in (flag, "127.0.0.1:0"))],
            stdout=open(self.output.name, "w", encoding="utf-8"), stderr=subprocess.STDOUT)

    def target(self, scheme="tcp"):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            text = pathlib.Path(self.output.name).read_text(encoding="utf-8")
            if found := re.search(rf"^listening {scheme} (\S+)$", text, re.M):
                return f"{scheme}://{found[1]}" + ("/" if scheme == "ws" else "")
            time.sleep(0.02)
        raise AssertionError(f"ringgate dev does not listen: {text}")

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


class Drills(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dev = Dev()
        cls.addClassCleanup(cls.dev.stop)

    def drill(self, name, *arguments, code=0):
        ended = subprocess.run([LOAD / name, "--build", BUILD, *arguments], capture_output=True,
                               text=True, timeout=60, check=False)
        self.assertEqual(ended.returncode, code, f"{ended.stdout}\n{ended.stderr}")
        return ended.stdout + ended.stderr

    def test_help_and_wrong_flags(self):
        for name in DRILLS:
            told = self.drill(name, "--help")
            self.assertIn(f"scripts/load/{name} [OPTION VALUE]", told)
            self.assertIn("Exit codes:", told)
            self.assertIn("unknown option", self.drill(name, "--bogus", "1", code=2))
            self.assertIn("needs a value", self.drill(name, "--connections", code=2))

    def test_heartbeat_soak(self):
        brief = ("--connections", "20", "--heartbeat", "200ms", "--duration", "1s")
        self.drill("heartbeat-soak", "--target", self.dev.target(), *brief)
        self.drill("heartbeat-soak", "--target", self.dev.target("ws"), *brief)
        self.drill("heartbeat-soak", "--target", NOBODY, *brief, code=1)
        # What stands behind -- is ringbench's.
        self.drill("heartbeat-soak", "--target", self.dev.target(), *brief, "--", "--fail-if",
                   "answered>0", code=3)

    def test_login_storm(self):
        brief = ("--rate", "50", "--connections", "20", "--duration", "1s")
        self.drill("login-storm", "--target", self.dev.target(), *brief)
        self.drill("login-storm", "--target", self.dev.target(), "--p99", "1us", *brief, code=3)
        self.drill("login-storm", "--target", self.dev.target(), "--secret", "not-ours", *brief,
                   code=1)

    def test_talk_mix(self):
        brief = ("--connections", "20", "--duration", "1s")
        self.drill("talk-mix", "--target", self.dev.target(), *brief, "--", "--rate", "500")
        self.drill("talk-mix", "--target", NOBODY, *brief, code=1)

    def test_rolling_restart(self):
        told = self.drill("rolling-restart", "--services", "2", "--pause", "1", "--rate", "200",
                          "--connections", "10")
        self.assertEqual(told.count("restarted echo"), 2)
        self.assertIn("no request failed", told)
        self.drill("rolling-restart", "--services", "1", code=2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
