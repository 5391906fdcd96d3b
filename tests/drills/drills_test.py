"""The table of docs/operations.md is that of the drills, and each has a section there."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "scripts"))

from drills import book, plays  # noqa: E402, F401

# Sections that promise nothing that could be played: they explain, or others' tests are about them.
EXPLAIN = {"Running ringgate", "Sizing", "Drills",
           "Five processes on one machine", "Upgrade"}


class Drills(unittest.TestCase):
    def test_the_page_has_their_table(self):
        _, there, _ = book.written()
        self.assertEqual(there, book.table(), "run scripts/drills --write")

    def test_each_section_has_one_or_explains(self):
        of_drills = {one.section for one in book.BOOK.values()}
        self.assertEqual(set(book.headings()) - of_drills, EXPLAIN)

    def test_they_say_what_they_do(self):
        for one in book.BOOK.values():
            self.assertRegex(one.name, "^[a-z][a-z-]+$")
            self.assertNotIn("|", one.done + one.promise)


if __name__ == "__main__":
    unittest.main()
