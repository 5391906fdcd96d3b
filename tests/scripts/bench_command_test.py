"""scripts/bench as a command: its flags, without measuring anything."""

import pathlib
import subprocess
import tempfile
import unittest

BENCH = pathlib.Path(__file__).resolve().parent.parent.parent / "scripts" / "bench"


def bench(*arguments):
    return subprocess.run([BENCH, *arguments], capture_output=True, text=True, timeout=60,
                          check=False)


class Command(unittest.TestCase):
    def test_help(self):
        ended = bench("--help")
        self.assertEqual(ended.returncode, 0)
        for flag in ("--quick", "--rounds", "--seconds", "--only", "--list", "--json", "--million",
                     "--sizing", "--write", "--check", "--build"):
            self.assertIn(flag, ended.stdout)

    def test_list_names_the_targets(self):
        whole = bench("--list")
        self.assertEqual(whole.returncode, 0)
        names = [line.split()[0] for line in whole.stdout.splitlines()]
        for name in ("ping-64", "ping-512", "ping-user", "ping-1k", "ping-20k", "ping-100k",
                     "forward-64", "forward-512", "push-10k", "memory-user", "memory-kernel",
                     "login-storm", "p99-forward", "tls-64", "tls-floor-512", "wss-lws-64",
                     "memory-kernel-wss", "handshakes", "tls-storm"):
            self.assertIn(name, names)
        self.assertNotIn("ping-100k ", bench("--list", "--quick").stdout)

    def test_wrong_flags_are_usage_errors(self):
        for wrong in (["--bogus"], ["--rounds", "0"], ["--seconds", "x"], ["--only", "("],
                      ["--million", "--quick"], ["--sizing", "--only", "x"], ["--quic"], ["something"]):
            ended = bench(*wrong)
            self.assertEqual(ended.returncode, 2, wrong)
            self.assertIn("error:", ended.stderr)

    def test_what_is_not_there_is_one_sentence(self):
        with tempfile.TemporaryDirectory() as empty:
            ended = bench("--quick", "--build", empty, "--only", "^ping-64$", "--seconds", "1")
            self.assertEqual(ended.returncode, 1)
            self.assertIn("is not built: run scripts/build release", ended.stderr)
            self.assertNotIn("Traceback", ended.stderr)
            ended = bench("--quick", "--build", empty, "--only", "^no such target$")
            self.assertEqual(ended.returncode, 2)
            self.assertIn("see --list", ended.stderr)


if __name__ == "__main__":
    unittest.main()
