"""usage: load_drills_test.py BUILD_FOLDER. Each drill of scripts/load for a moment against a
`ringgate dev` of its own: it holds, and it ends with another code when its property is broken."""

import pathlib
import subprocess
import sys
import unittest

from dev_process import Dev

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LOAD = ROOT / "scripts" / "load"
BUILD = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "release")
DRILLS = ("heartbeat-soak", "login-storm", "talk-mix", "rolling-restart")
NOBODY = "tcp://127.0.0.1:1"
# What stands behind -- is ringbench's.
BRIEF = ("--duration", "500ms", "--", "--warmup", "100ms")


class Drills(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dev = Dev(BUILD)
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
        soak = ("--connections", "20", "--heartbeat", "100ms")
        self.drill("heartbeat-soak", "--target", self.dev.target(), *soak, *BRIEF)
        self.drill("heartbeat-soak", "--target", self.dev.target("ws"), *soak, *BRIEF)
        self.drill("heartbeat-soak", "--target", NOBODY, *soak, *BRIEF, code=1)
        self.drill("heartbeat-soak", "--target", self.dev.target(), *soak, *BRIEF, "--fail-if",
                   "answered>0", code=3)

    def test_login_storm(self):
        storm = ("--rate", "50", "--connections", "20")
        self.drill("login-storm", "--target", self.dev.target(), "--p99", "10s", *storm, *BRIEF)
        self.drill("login-storm", "--target", self.dev.target(), "--p99", "1us", *storm, *BRIEF,
                   code=3)
        self.drill("login-storm", "--target", self.dev.target(), "--secret", "not-ours", *storm,
                   *BRIEF, code=1)

    def test_talk_mix(self):
        self.drill("talk-mix", "--target", self.dev.target(), "--connections", "20", *BRIEF,
                   "--rate", "500")
        self.drill("talk-mix", "--target", NOBODY, "--connections", "20", *BRIEF, code=1)

    def test_rolling_restart(self):
        told = self.drill("rolling-restart", "--services", "2", "--pause", "1", "--rate", "200",
                          "--connections", "10")
        self.assertEqual(told.count("restarted echo"), 2)
        self.assertIn("no request failed", told)
        self.drill("rolling-restart", "--services", "1", code=2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
