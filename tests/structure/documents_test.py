"""usage: documents_test.py SOURCE_ROOT. Do our documents keep the rules of documents.py?"""

import pathlib
import re
import sys
import tempfile
import unittest

import documents
import layering

ROOT = pathlib.Path(sys.argv.pop(1))
MOST_FILES = 18
README = "A [z](b.md)\n# T\n```\nls\n```\n[l](a.md)\n| 1.5 | x |\n"


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


class Documents(unittest.TestCase):
    def test_links_and_files_are_there(self):
        found = documents.documents(ROOT)
        self.assertGreaterEqual(len(found), 9)
        for path in found:
            self.assertEqual([*documents.check_links(path), *documents.check_paths(ROOT, path)], [])

    def test_readmes_are_short_and_in_step(self):
        for name in ("README.md", "README.zh.md"):
            self.assertLessEqual(len(read(name).splitlines()), documents.MAX_README_LINES, name)
        self.assertGreaterEqual(len(documents.blocks(read("README.md"))), 4)
        self.assertEqual([*documents.check_step(read("README.md"), read("README.zh.md"))], [])

    def test_the_example_is_the_one_that_is_built(self):
        source = read("services/examples/hello/main.cc")
        self.assertIn(f"```cpp\n{source}```", documents.blocks(read("README.md")))
        self.assertLess(len(source.splitlines()), 60)

    def test_every_folder_has_a_line(self):
        text = read("ARCHITECTURE.md")
        for top, ranks in layering.FOLDERS.items():
            rows = re.findall(r"^\| (\d) \| `(\w+)/` \|", text.partition(f"| `{top}/` | Holds |")[2].partition("\n\n")[0], re.M)
            wanted = [(str(rank), name) for rank, names in enumerate(ranks, 1) for name in sorted(names)]
            self.assertEqual(sorted(rows), sorted(wanted), top)

    def test_every_folder_below_is_named(self):
        text = read("ARCHITECTURE.md")
        below = {path.parent for path in layering.sources(ROOT)
                 if path.parts[0] in layering.FOLDERS and len(path.parts) > 3}
        self.assertGreaterEqual(len(below), 10)
        for folder in below:
            self.assertIn(f"| `{folder.as_posix().partition('/')[2]}/` |", text, folder)

    def test_a_chat_packet_is_followed_in_few_files(self):
        files = documents.files_of_section(read("ARCHITECTURE.md"), "A chat packet and its answer")
        self.assertGreaterEqual(len(files), 10)
        self.assertLessEqual(len(files), MOST_FILES)
        self.assertEqual(len(files), len(set(files)))


class Rules(unittest.TestCase):
    def problems(self, text):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "codec").mkdir()
            (root / "codec" / "a.cc").touch()
            (root / "a.md").write_text("# One two: three\n", encoding="utf-8")
            path = root / "b.md"
            path.write_text(text, encoding="utf-8")
            return [*documents.check_links(path), *documents.check_paths(root, path)]

    def test_what_leads_nowhere_is_noticed(self):
        for good in ("[x](a.md)", "[x](a.md#one-two-three)", "[x](https://example.com/)", "`codec/a.cc`",
                     "`codec/`", "`codec/a.cc --flag`", "`codec/a`", "```\n`codec/gone.cc`\n```"):
            self.assertEqual(self.problems(good), [], good)
        for bad in ("[x](c.md)", "[x](a.md#four)", "`codec/gone.cc`", "`codec/gone/`", "`codec/gone`"):
            self.assertEqual(len(self.problems(bad)), 1, bad)

    def test_what_is_out_of_step_is_noticed(self):
        self.assertEqual([*documents.check_step(README, README.replace("b.md", "c.md"))], [])
        for before, after in (("ls", "ls -l"), ("a.md", "c.md"), ("# T", "## T"), ("1.5", "1.6")):
            self.assertEqual(len([*documents.check_step(README, README.replace(before, after))]), 1, after)


unittest.main()
