"""The rules below the first level: folders side by side point one way, headers do not include each other in a circle, and
tests are where what they test is."""

import pathlib
import re

OWN_INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)
MIRRORED = ("control", "services", "codec")
# Folders whose tests are elsewhere, since they need real processes: the test.
ELSEWHERE = {
    "services/cli/trace": "tests/integration/trace_test.cc",
    "services/examples/hello": "tests/integration/hello_test.cc",
    "services/gateway/leaving": "tests/integration/fleet_test.cc",
    "services/process/pages": "tests/browser/try_page_test.cc",
    "services/wsecho": "tests/integration/ws_echo_test.cc",
}


def includes_of(root, paths):
    """{file: the files of ours that it includes}, as texts."""
    return {path.as_posix(): OWN_INCLUDE.findall((root / path).read_text(encoding="utf-8")) for path in paths}


def siblings(one, other):
    """The two folders side by side that the way from one to the other leads through; None: one is within the other."""
    own, others = pathlib.PurePosixPath(one).parent.parts, pathlib.PurePosixPath(other).parent.parts
    for depth, (a, b) in enumerate(zip(own, others)):
        if a != b:
            return ("/".join(own[:depth + 1]), "/".join(others[:depth + 1])) if depth > 0 else None
    return None


def circle(edges):
    """Nodes that lead from the first of them to itself, or None. `edges`: {node: nodes}."""
    is_done, way = set(), []

    def visit(node):
        if node in way:
            return way[way.index(node):] + [node]
        if node in is_done:
            return None
        way.append(node)
        for other in sorted(edges.get(node, ())):
            if found := visit(other):
                return found
        way.pop()
        is_done.add(node)
        return None
    for node in sorted(edges):
        if found := visit(node):
            return found
    return None


def check_circles(includes):
    """Yields a circle of folders side by side, and one of headers: one of each at most."""
    folders = {}
    for file, targets in includes.items():
        if file.startswith("tests/"):
            continue
        for target in targets:
            if pair := siblings(file, target):
                folders.setdefault(pair[0], set()).add(pair[1])
    headers = {file: targets for file, targets in includes.items() if file.endswith(".h")}
    for edges in (folders, headers):
        if found := circle(edges):
            yield f"{' includes '.join(found)}: a circle"


def check_mirror(root, paths):
    """Yields the folders without a test of their own."""
    folders = {path.parent for path in paths if path.parts[0] in MIRRORED}
    for folder in sorted(folders):
        test = ELSEWHERE.get(folder.as_posix())
        if test is None and not any((root / "tests" / folder).glob("*_test.cc")):
            yield f"{folder}: has no test in tests/{folder}/"
        if test is not None and not (root / test).is_file():
            yield f"{folder}: is to be tested by {test}, which is not there"
