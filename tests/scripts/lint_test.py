"""scripts/lint: what it looks at, and what it need not look at again. With a tree of two files."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

LINT = pathlib.Path(__file__).resolve().parent.parent.parent / "scripts" / "lint"

BUILD_NINJA = """
rule cxx
  command = g++ -MD -MF $out.d -I../.. -o $out -c $in
  deps = gcc
  depfile = $out.d
build a.o: cxx ../../codec/a.cc
build b.o: cxx ../../codec/b.cc
"""
ALL = "lint: clang-tidy over 2 files; 0 are as they were"
NONE = "lint: clang-tidy over 0 files; 2 are as they were"
NULL = "int* nothing() { return 0; }\n"  # modernize-use-nullptr


class Lint(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.cache = pathlib.Path(scratch.name) / "cache"
        self.tree = self.make_tree(pathlib.Path(scratch.name) / "one")

    @staticmethod
    def make_tree(tree):
        for folder in ("codec", "scripts", "build/release"):
            (tree / folder).mkdir(parents=True)
        shutil.copy(LINT, tree / "scripts" / "lint")
        build = tree / "scripts" / "build"
        build.write_text(f"#!/bin/sh\nexec ninja -C {tree}/build/release --quiet\n", encoding="utf-8")
        build.chmod(0o755)
        (tree / "build/release/build.ninja").write_text(BUILD_NINJA, encoding="utf-8")
        (tree / ".clang-tidy").write_text("Checks: '-*,modernize-use-nullptr'\nHeaderFilterRegex: '.*'\n",
                                          encoding="utf-8")
        (tree / "codec/shared.h").write_text("int shared();\n", encoding="utf-8")
        entries = []
        for name in ("a", "b"):
            (tree / f"codec/{name}.cc").write_text('#include "codec/shared.h"\n', encoding="utf-8")
            entries.append(f'{{"directory": "{tree}/build/release", "file": "{tree}/codec/{name}.cc", "command": '
                           f'"g++ -I{tree} -o {name}.o -c {tree}/codec/{name}.cc"}}')
        (tree / "build/release/compile_commands.json").write_text(f"[{','.join(entries)}]",
                                                                  encoding="utf-8")
        return tree

    def lint(self, *arguments, tree=None):
        return subprocess.run([(tree or self.tree) / "scripts/lint", *arguments], capture_output=True, text=True,
                              env={**os.environ, "XDG_CACHE_HOME": str(self.cache)}, timeout=100, check=False)

    def expect(self, said, code=0, **options):
        ended = self.lint(**options)
        self.assertEqual(ended.returncode, code, ended.stdout + ended.stderr)
        self.assertIn(said, ended.stdout)
        return ended

    def test_what_is_clean_is_not_looked_at_again(self):
        self.expect(ALL)
        self.expect(NONE)

    def test_nor_in_another_checkout(self):
        self.expect(ALL)
        self.expect(NONE, tree=self.make_tree(self.tree.parent / "other"))

    def test_a_header_that_changes_is_looked_at_in_all_that_include_it(self):
        self.expect(ALL)
        (self.tree / "codec/shared.h").write_text("inline " + NULL, encoding="utf-8")
        self.assertIn("modernize-use-nullptr", self.expect(ALL, code=1).stdout)

    def test_what_was_found_is_found_again(self):
        (self.tree / "codec/a.cc").write_text(NULL, encoding="utf-8")
        self.expect(ALL, code=1)
        ended = self.expect("lint: clang-tidy over 1 files; 1 are as they were", code=1)
        self.assertIn("codec/a.cc:1:25: error", ended.stdout)
        self.assertIn("something to mend", ended.stderr)

    def test_other_checks_and_other_flags_look_at_all(self):
        self.expect(ALL)
        (self.tree / ".clang-tidy").write_text("Checks: '-*,bugprone-*'\n", encoding="utf-8")
        self.expect(ALL)
        (self.tree / "codec/.clang-tidy").write_text("InheritParentConfig: true\n", encoding="utf-8")
        self.expect(ALL)
        commands = self.tree / "build/release/compile_commands.json"
        commands.write_text(commands.read_text(encoding="utf-8").replace("g++ ", "g++ -DMORE "), encoding="utf-8")
        self.expect(ALL)

    def test_files_are_named_from_the_root(self):
        ended = self.lint("codec/a.cc")
        self.assertIn("over 1 files", ended.stdout)
        self.assertEqual(self.lint("codec/none.cc").returncode, 2)
        self.assertIn("scripts/lint --changed", self.lint("--bogus").stderr)


if __name__ == "__main__":
    unittest.main()
