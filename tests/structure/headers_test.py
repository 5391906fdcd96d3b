"""usage: headers_test.py SOURCE_ROOT BUILD_FOLDER. Does every header compile on its own?

The build has shown it of a header that some source includes before anything else: the clang build,
which has no precompiled headers and no tests. The others are compiled here, with the compiler and
flags that compile_commands.json has for a file in their folder, but without precompiled headers.
ccache answers for those that have not changed, nor anything that they include.
"""

import concurrent.futures
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

import layering

WORKERS = 2


def read_sources(root, build):
    """Yields (file, words of its compile command) of each source of ours that is built."""
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        file = pathlib.Path(entry["file"])
        if file.is_relative_to(root):
            yield file, shlex.split(entry["command"])


def without_files(words, file):
    """A compile command without the file, its output, its dependencies and precompiled headers."""
    flags = []
    skip = False
    for word in words:
        if skip or word in ("-o", "-MF", "-MT", "-MQ", "-include"):
            skip = not skip
        elif word not in ("-c", "-MD", "-MMD", "-Winvalid-pch", "-fpch-preprocess",
                          str(file)) and not word.endswith("ccache"):
            flags.append(word)
    return flags


def first_include(file):
    for line in file.read_text(encoding="utf-8").splitlines():
        if match := layering.INCLUDE.match(line):
            return match.group(2)
    return None


def include_folders(commands):
    """Every -I and -isystem there is: a header of ours may need those of a target that links more."""
    folders = {}
    for all_flags in commands.values():
        for flags in all_flags:
            for index, word in enumerate(flags):
                if word == "-isystem":
                    folders[flags[index + 1]] = None
                elif word.startswith("-I"):
                    folders[word[2:]] = None
    return [word for folder in folders for word in ("-isystem", folder)]


def compile_alone(root, header, flags, scratch):
    # Through a file of its own: a compiler that is given a header warns of its `#pragma once`. To an
    # object, as ccache knows nothing of -fsyntax-only.
    source = scratch / (header.as_posix().replace("/", "_") + ".cc")
    source.write_text(f'#include "{header.as_posix()}"\n', encoding="utf-8")
    ccache = shutil.which("ccache")
    cached = {"CCACHE_BASEDIR": str(root), "CCACHE_NOHASHDIR": "1",
              "CCACHE_SLOPPINESS": "include_file_mtime,include_file_ctime,time_macros"}
    done = subprocess.run([*([ccache] if ccache else []), *flags, "-O0", "-g0", f"-I{root}", "-c", str(source),
                           "-o", str(source.with_suffix(".o"))], capture_output=True, text=True,
                          cwd=scratch, env={**os.environ, **cached}, check=False)
    return f"{header} does not compile alone:\n{done.stderr}" if done.returncode else None


def main():
    root, build = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    commands = {}
    included_first = set()
    for file, words in read_sources(root, build):
        commands.setdefault(file.relative_to(root).parent, []).append(without_files(words, file))
        included_first.add(first_include(file))
    folders = include_folders(commands)
    headers = [path for path in layering.sources(root)
               if path.suffix == ".h" and path.parent in commands]
    alone = [path for path in headers
             if path.as_posix() not in included_first or path.parts[0] == "tests"]
    scratch = build / "headers"
    scratch.mkdir(exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        problems = [
            problem for problem in pool.map(
                lambda header: compile_alone(root, header, commands[header.parent][0] + folders, scratch),
                alone) if problem
        ]
    counts = f"{len(headers)} headers, {len(alone)} compiled here, {len(problems)} problems"
    print("\n".join([*problems, counts]))
    return 1 if problems or not headers else 0


sys.exit(main())
