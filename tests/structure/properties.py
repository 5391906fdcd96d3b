"""docs/properties.md names the tests that hold each property: are they there?

A row is `| property | tests |`. Tests are named in backticks: `Suite.Name` of GoogleTest, or the path of a script in the tree.
"""

import pathlib
import re

DECLARED = re.compile(r"\b(?:TEST(?:_[FP])?|TYPED_TEST|RC_GTEST_(?:FIXTURE_)?PROP)\(\s*(\w+),\s*(\w+)")
ROW = re.compile(r"^\|(?P<property>[^|]+)\|(?P<tests>[^|]+)\|$")
HEAD_CELLS = ("property", "---")


def declared_tests(root):
    """Suite.Name of every GoogleTest in the tree."""
    names = set()
    for file in (pathlib.Path(root) / "tests").rglob("*.cc"):
        names.update(".".join(match) for match in DECLARED.findall(file.read_text(encoding="utf-8")))
    return names


def rows(text):
    """(property, names of its tests) for each row of the tables."""
    for line in text.splitlines():
        row = ROW.match(line)
        if row and not row["property"].strip().lower().startswith(HEAD_CELLS):
            yield row["property"].strip(), re.findall(r"`([^`]+)`", row["tests"])


def check(root, text):
    """Problems, one a line."""
    known = declared_tests(root)
    problems = []
    for name, tests in rows(text):
        if not tests:
            problems.append(f"no test is named for: {name}")
        for test in tests:
            if test not in known and not (pathlib.Path(root) / test).is_file():
                problems.append(f"there is no test {test}, named for: {name}")
    return problems
