"""usage: bench_compare_test.py SCRIPT. Does scripts/bench-compare compare what it says it does?"""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = sys.argv.pop(1)


def run(name, time, unit="ns", **more):
    return {"name": name, "run_name": name, "run_type": "iteration", "real_time": time * 3,
            "cpu_time": time, "time_unit": unit, **more}


class BenchCompare(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def write(self, path, *runs):
        file = self.root / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({"context": {}, "benchmarks": runs}), encoding="utf-8")
        return str(file)

    def compare(self, *arguments):
        return subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, check=False)

    def row(self, output, name):
        rows = [line.split() for line in output.splitlines() if line.split()[-1:] == [name]]
        self.assertEqual(len(rows), 1, output)
        return rows[0]

    def test_ratio_of_medians(self):
        base = self.write("base.json", run("a", 10), run("a", 11), run("a", 100),
                          run("b", 2, "us"))
        new = self.write("new.json", run("a", 22), run("a", 20), run("a", 24), run("b", 1000),
                         {**run("a", 1), "run_type": "aggregate"})
        done = self.compare(base, new)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.row(done.stdout, "a")[0], "2.000")
        self.assertEqual(self.row(done.stdout, "b")[0], "0.500")
        self.assertIn("11.0", self.row(done.stdout, "a"))
        self.assertIn("22.0", self.row(done.stdout, "a"))
        lines = done.stdout.splitlines()
        order = [line.split()[-1] for line in lines if line.split()[-1:] in (["a"], ["b"])]
        self.assertEqual(order, ["a", "b"], "the slowest change comes first")

    def test_wall_time_where_the_benchmark_says_so(self):
        base = self.write("base.json", run("two_threads/real_time", 10))
        new = self.write("new.json", {**run("two_threads/real_time", 10), "real_time": 60})
        self.assertEqual(self.row(self.compare(base, new).stdout, "two_threads/real_time")[0],
                         "2.000")

    def test_folders_keep_programs_apart(self):
        for side, time in (("base", 10), ("new", 30)):
            self.write(f"{side}/one_bench.json", run("same", 10))
            self.write(f"{side}/other_bench.json", run("same", time))
        done = self.compare(str(self.root / "base"), str(self.root / "new"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.row(done.stdout, "one_bench:same")[0], "1.000")
        self.assertEqual(self.row(done.stdout, "other_bench:same")[0], "3.000")

    def test_what_one_side_lacks_is_named(self):
        base = self.write("base.json", run("both", 1), run("gone", 1))
        new = self.write("new.json", run("both", 1), run("come", 1))
        done = self.compare(base, new, "--fail-above", "1.1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("only in BASE: gone", done.stdout)
        self.assertIn("only in NEW: come", done.stdout)

    def test_fail_above(self):
        base = self.write("base.json", run("a", 100), run("b", 100))
        new = self.write("new.json", run("a", 109), run("b", 120))
        self.assertEqual(self.compare(base, new, "--fail-above", "1.25").returncode, 0)
        done = self.compare("--fail-above", "1.10", base, new)
        self.assertEqual(done.returncode, 1)
        self.assertIn("1 of 2", done.stderr)
        self.assertIn("b", done.stderr)

    def test_what_cannot_be_compared_ends_with_2(self):
        good = self.write("good.json", run("a", 1))
        (self.root / "bad.json").write_text("{not JSON", encoding="utf-8")
        (self.root / "list.json").write_text("[1]", encoding="utf-8")
        (self.root / "empty").mkdir()
        other = self.write("other.json", run("b", 1))
        nothing = self.write("nothing.json")
        failed = self.write("failed.json", {**run("a", 0), "error_occurred": True})
        for bad in (str(self.root / "bad.json"), str(self.root / "list.json"),
                    str(self.root / "missing.json"), str(self.root / "empty"), other, nothing,
                    failed, str(self.root)):
            done = self.compare(good, bad)
            self.assertEqual(done.returncode, 2, (bad, done.stdout, done.stderr))
            self.assertRegex(done.stderr, r"^bench-compare: \S")
            self.assertNotIn("Traceback", done.stderr)
        self.assertEqual(self.compare(good).returncode, 2)
        self.assertEqual(self.compare(good, good, "--fail-above", "fast").returncode, 2)
        self.assertEqual(self.compare("--help").returncode, 0)


unittest.main()
