"""usage: layering_test.py SOURCE_ROOT CODEC_LIBRARY. Does the tree keep the rules of layering.py?"""

import pathlib
import sys

import layering


def main():
    root, codec_library = sys.argv[1:]
    count = len(list(layering.sources(pathlib.Path(root))))
    problems = layering.check_tree(root) + layering.check_no_protobuf(codec_library)
    print("\n".join(problems + [f"{count} files, {len(problems)} problems"]))
    return 1 if problems or count == 0 else 0


sys.exit(main())
