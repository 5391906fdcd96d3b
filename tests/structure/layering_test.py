"""usage: layering_test.py SOURCE_ROOT LIBRARY... Does the tree keep the rules of layering.py?

The libraries are those of the forward fast path: none may use protobuf.
"""

import pathlib
import sys

import folders
import layering


def main():
    root, *fast_path = sys.argv[1:]
    paths = list(layering.sources(pathlib.Path(root)))
    count = len(paths)
    problems = [*layering.check_tree(root), *folders.check_mirror(pathlib.Path(root), paths)]
    for library in fast_path:
        problems += layering.check_no_protobuf(library)
    print("\n".join(problems + [f"{count} files, {len(problems)} problems"]))
    return 1 if problems or count == 0 or not fast_path else 0


sys.exit(main())
