"""The rules about which file may include what, and how long it may be."""

import pathlib
import re
import subprocess

import classes
import folders

# A folder may include itself and the folders before it.
LAYERS = ["codec", "dataplane", "control", "services", "benchmarks", "tests"]

# The folders of a top folder, in ranks: one may include itself and what stands before its rank. Those
# of one rank do not include each other.
FOLDERS = {
    "control": [["base"], ["observe", "tls"], ["http", "routing"], ["discovery"], ["links"], ["config"]],
    "services": [["auth", "flags", "client", "doctor", "store"], ["process", "top"],
                 ["gateway", "logic", "wsecho"], ["handlers"], ["cli", "examples"]],
}

# What wraps a library, as (the library's headers, the files that may include them).
WRAPPERS = [
    (r"liburing(\.h|/)",
     r"dataplane/(uring(_create)?|ring_operations)\.(h|cc)|benchmarks/common/bench_ring\.(h|cc)"
     r"|benchmarks/micro/wakeup_bench\.cc|tests/dataplane/ring_fault_test\.cc"),
    (r"openssl/(ssl|x509)",
     r"dataplane/tls_handshake\.cc|control/tls/\w+\.(h|cc)|services/store/redis/net/tls\.(h|cc)|(benchmarks|tests)/.*"),
    (r"boost/", r"(codec/(http_request|ws_upgrade)|services/client/ws_upgrade)\.cc"),
    (r"yaml\.h", r"control/config/yaml_text\.(h|cc)"),
    (r"curl/", r"control/discovery/consul/\w+\.(h|cc)"),
    (r"(hiredis/|sqlite3\.h|libpq-fe\.h|postgresql/)", r"(tests/)?services/store/(redis|sql)/(servers/)?\w+\.(h|cc)|tests/fuzz/redis_reply_fuzz\.cc"),
    # The forward fast path: codec without its slow path, and the shards.
    (r"(google/protobuf/|codec/pkt\.pb\.h)",
     r"codec/(header_slow|proto_log)\.(h|cc)|(control|services|benchmarks|tests)/.*"),
]

MAX_LINES = 400
# One class, which its head gives reasons for: half of it is what handlers may call.
LONGER = {"dataplane/shard.h": 450}
MAX_FILES = 32  # of ours in a folder of FOLDERS

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def sources(root):
    """Our C++ files, as paths relative to root."""
    for layer in LAYERS:
        for path in sorted((root / layer).rglob("*")):
            if path.suffix in (".h", ".cc"):
                yield path.relative_to(root)


def check_own_include(path, target):
    """What is wrong with an include in quotes, or None."""
    layer = path.parts[0]
    folder = target.split("/")[0]
    if "/" not in target and layer == "tests":
        return None  # a helper beside the test
    if folder not in LAYERS:
        return f'"{target}": write our includes from the root, and the others in <>'
    if LAYERS.index(folder) > LAYERS.index(layer):
        return f'"{target}": {layer}/ may not include {folder}/'
    return None


def rank_of(path):
    """(top folder, folder, rank) of a file in one of FOLDERS, or None. Rank -1: the folder is not there."""
    parts = pathlib.PurePosixPath(path).parts
    if parts[0] not in FOLDERS or len(parts) < 3:
        return None
    ranks = [rank for rank, names in enumerate(FOLDERS[parts[0]]) if parts[1] in names]
    return parts[0], parts[1], ranks[0] if ranks else -1


def check_folders(path, target):
    """What is wrong with an include from one folder of a top folder in another, or None."""
    own, other = rank_of(path), rank_of(target)
    if own is None or other is None or own[0] != other[0] or own[1] == other[1]:
        return None
    if other[2] >= own[2]:
        return f'"{target}": {own[0]}/{own[1]} may not include {other[0]}/{other[1]}'
    return None


def check_places(paths):
    """Yields what is wrong with where the files of the top folders in FOLDERS are."""
    counts = {}
    for path in paths:
        if path.parts[0] not in FOLDERS:
            continue
        place = rank_of(path)
        if place is None or place[2] < 0:
            yield f"{path}: is in none of the folders of {path.parts[0]}/"
        counts[path.parent] = counts.get(path.parent, 0) + 1
    for folder, count in counts.items():
        if count > MAX_FILES:
            yield f"{folder}: {count} files, at most {MAX_FILES}: a folder is missing"


def check_wrappers(path, target):
    for library, allowed in WRAPPERS:
        if re.match(library, target) and not re.fullmatch(allowed, path.as_posix()):
            return f"<{target}> is only for {allowed}"
    return None


def check_file(root, path):
    """Yields what is wrong with one file."""
    text = (root / path).read_text(encoding="utf-8")
    lines = text.splitlines()
    most = LONGER.get(path.as_posix(), MAX_LINES)
    if len(lines) > most:
        yield f"{path}: {len(lines)} lines, at most {most}: split it"
    if path.suffix == ".h" and "#pragma once" not in lines:
        yield f"{path}: has no #pragma once"
    yield from classes.check_classes(path, text)
    for number, line in enumerate(lines, 1):
        include = INCLUDE.match(line)
        if not include:
            continue
        quote, target = include.groups()
        problem = check_wrappers(path, target)
        if problem is None and quote == '"':
            problem = check_own_include(path, target) or check_folders(path, target)
        if problem:
            yield f"{path}:{number}: {problem}"


def check_tree(root):
    root = pathlib.Path(root)
    paths = list(sources(root))
    return [*check_places(paths), *folders.check_circles(folders.includes_of(root, paths)),
            *(problem for path in paths for problem in check_file(root, path))]


def check_no_protobuf(library):
    """A static library that neither has nor needs a symbol of protobuf."""
    symbols = subprocess.run(["nm", "-C", library], check=True, capture_output=True, text=True).stdout
    if "ringgate::" not in symbols:
        return [f"{library}: nm shows no symbol of ours: is it the right file?"]
    found = [line for line in symbols.splitlines() if "google::protobuf" in line]
    return [f"{library}: uses protobuf: {line.strip()}" for line in found]
