"""scripts/fuzz: its words, and one target for a second."""

import pathlib
import subprocess
import unittest

FUZZ = pathlib.Path(__file__).resolve().parent.parent.parent / "scripts" / "fuzz"


def fuzz(*arguments):
    return subprocess.run([FUZZ, *arguments], capture_output=True, text=True, timeout=500,
                          check=False)


class Command(unittest.TestCase):
    def test_help(self):
        ended = fuzz("--help")
        self.assertEqual(ended.returncode, 0)
        self.assertIn("scripts/fuzz [--seconds N] [TARGET...]", ended.stdout)

    def test_what_is_wrong_is_named(self):
        for wrong, said in (("--bogus", "--seconds N"), ("--seconds=soon", "no number"),
                            ("0", "no number"), ("-1", "--seconds N")):
            ended = fuzz(wrong)
            self.assertEqual(ended.returncode, 2, wrong)
            self.assertIn(said, ended.stderr)
        ended = fuzz("1", "no_such_fuzz")
        self.assertEqual(ended.returncode, 2)
        self.assertIn("there are frame_fuzz", ended.stderr)

    def test_one_target_for_a_second(self):
        ended = fuzz("--seconds", "1", "packet_fuzz")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertRegex(ended.stdout, r"fuzz: [1-9]\d* inputs, none crashed\n")
        self.assertIn("fuzz: 1 targets, none crashed", ended.stdout)


if __name__ == "__main__":
    unittest.main()
