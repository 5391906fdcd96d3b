"""usage: properties_test.py SOURCE_ROOT. Does docs/properties.md name tests that exist?"""

import pathlib
import sys
import tempfile
import unittest

import properties

ROOT = pathlib.Path(sys.argv.pop(1))
FEWEST_ROWS = 79


class Properties(unittest.TestCase):
    def test_every_property_names_tests_that_exist(self):
        text = (ROOT / "docs" / "properties.md").read_text(encoding="utf-8")
        self.assertGreaterEqual(len(list(properties.rows(text))), FEWEST_ROWS)
        self.assertEqual(properties.check(ROOT, text), [])

    def test_what_is_missing_is_noticed(self):
        with tempfile.TemporaryDirectory() as folder:
            tests = pathlib.Path(folder) / "tests"
            tests.mkdir()
            (tests / "a_test.cc").write_text("TEST(Suite, Name) {}\nTEST_F(\n    Long, Other) {}\n")
            head = "| Property | Tests |\n|---|---|\n"
            for row, count in (("| good | `Suite.Name`, `Long.Other`, `tests/a_test.cc` |", 0),
                               ("| gone | `Suite.Gone` |", 1),
                               ("| no file | `tests/b_test.cc`, `Suite.Name` |", 1),
                               ("| nothing | later |", 1)):
                self.assertEqual(len(properties.check(folder, head + row)), count, row)


unittest.main()
