"""usage: bench_talks_test.py BUILD_FOLDER. scripts/bench-talks as a command, and for a moment."""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parent.parent.parent / "scripts" / "bench-talks"


def bench(*arguments):
    return subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, timeout=100,
                          check=False)


class BenchTalks(unittest.TestCase):
    build = None

    def test_help_and_wrong_flags(self):
        helped = bench("--help")
        self.assertEqual(helped.returncode, 0)
        for flag in ("--seconds", "--connections", "--store", "--build", "--folder"):
            self.assertIn(flag, helped.stdout)
        for wrong in (["--bogus"], ["--store", "paper"], ["--connections", "3"], ["--seconds", "0"]):
            self.assertEqual(bench(*wrong).returncode, 2, wrong)

    def test_what_is_not_built_is_one_sentence(self):
        with tempfile.TemporaryDirectory() as empty:
            ended = bench("--build", empty)
        self.assertEqual(ended.returncode, 1)
        self.assertIn("is not built: run scripts/build release", ended.stderr)
        self.assertNotIn("Traceback", ended.stderr)

    def test_every_talk_that_was_answered_is_in_the_store(self):
        for store in ("sqlite", "postgresql"):
            ended = bench("--build", self.build, "--seconds", "1", "--connections", "4", "--store",
                          store)
            self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
            answered, stored = re.search(r"(\d+) talks were answered, (\d+) are in the store",
                                         ended.stdout).groups()
            self.assertGreater(int(answered), 0)
            self.assertGreaterEqual(int(stored), int(answered))
            self.assertRegex(ended.stdout, r"CPU in us a talk: gateway \d+\.\d, chat \d+\.\d")


if __name__ == "__main__":
    BenchTalks.build = pathlib.Path(sys.argv[1])
    unittest.main(argv=sys.argv[:1])
