"""usage: version_test.py BUILD_FOLDER PROGRAM... What --version says, and that a program does not say where it
was built."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "scripts" / "cmake" / "commit.cmake"


def run(*words):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, errors="replace", timeout=60,
                          check=True).stdout


def commit_of(source, file, given=""):
    run("cmake", "-D", f"SOURCE={source}", "-D", f"FILE={file}", "-D", f"COMMIT={given}", "-P", SCRIPT)
    return re.search(r'kBuildCommit\[\] = "(.*)";', file.read_text()).group(1)


def git(folder, *words):
    return run("git", "-C", folder, "-c", "user.name=n", "-c", "user.email=e", *words).strip()


class Commit(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = pathlib.Path(folder.name, "tree")
        self.tree.mkdir()
        self.file = pathlib.Path(folder.name, "commit.cc")

    def commit(self, text):
        (self.tree / "source").write_text(text)
        git(self.tree, "add", "source")
        git(self.tree, "commit", "-q", "-m", "one")
        return git(self.tree, "rev-parse", "HEAD")[:12]

    def test_it_is_that_of_the_tree_and_changes_are_told(self):
        git(self.tree, "init", "-q")
        first = self.commit("a")
        git(self.tree, "tag", "v9")  # a version of its own is no commit
        self.assertEqual(commit_of(self.tree, self.file), first)
        (self.tree / "source").write_text("b")
        self.assertEqual(commit_of(self.tree, self.file), first + "-dirty")
        self.assertNotEqual(self.commit("b"), first)

    def test_what_stays_is_not_written_again(self):
        git(self.tree, "init", "-q")
        self.commit("a")
        commit_of(self.tree, self.file)
        written = self.file.stat().st_mtime_ns
        commit_of(self.tree, self.file)
        self.assertEqual(self.file.stat().st_mtime_ns, written)

    def test_a_source_without_its_history_has_none_but_what_it_is_given(self):
        self.assertEqual(commit_of(self.tree, self.file), "")
        self.assertEqual(commit_of(self.tree, self.file, "abc"), "abc")

    def test_a_tree_around_the_source_is_not_its_history(self):
        git(self.tree, "init", "-q")
        self.commit("a")
        (self.tree / "inside").mkdir()
        self.assertEqual(commit_of(self.tree / "inside", self.file), "")


class Program(unittest.TestCase):
    build = None
    programs = ()

    def test_it_says_version_and_commit(self):
        built = re.search(r'kBuildCommit\[\] = "(.*)";', (self.build / "build_commit.cc").read_text())
        commit = f" ({built.group(1)})" if built.group(1) else ""
        for program in self.programs:
            said = run(program, "--version")
            self.assertRegex(said, rf"^{program.name} \d+\.\d+\.\d+{re.escape(commit)}\n$")

    @unittest.skipUnless(shutil.which("readelf"), "no readelf here")
    def test_it_does_not_say_where_it_was_built(self):
        for program in self.programs:
            self.assertFalse(str(ROOT).encode() + b"/" in program.read_bytes(), program)
            # Objects may have been compiled in another checkout: so not only this one is looked for.
            strings = run("readelf", "--string-dump=.debug_str", "--string-dump=.debug_line_str",
                          "--string-dump=.rodata", program)
            absolute = set(re.findall(r"\S*/(?:build/(?:release|dev)\b|services/cli/|control/base/)\S*", strings))
            told = sorted(text for text in absolute if text.startswith("/") and not text.startswith("/usr/"))
            self.assertEqual(told, [], program)


if __name__ == "__main__":
    Program.build = pathlib.Path(sys.argv[1])
    Program.programs = [pathlib.Path(word) for word in sys.argv[2:]]
    unittest.main(argv=sys.argv[:1])
