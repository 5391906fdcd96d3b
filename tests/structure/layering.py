"""The rules about which file may include what, and how long it may be."""

import pathlib
import re
import subprocess

# A folder may include itself and the folders before it.
LAYERS = ["codec", "dataplane", "control", "services", "benchmarks", "tests"]

# What wraps a library, as (the library's headers, the files that may include them).
WRAPPERS = [
    (r"liburing(\.h|/)",
     r"dataplane/ring(_state|_create)?\.(h|cc)|benchmarks/common/bench_ring\.(h|cc)"
     r"|tests/dataplane/ring_fault_test\.cc"),
    (r"boost/", r"(codec/(http_request|ws_upgrade)|services/client_ws_upgrade)\.cc"),
    (r"yaml\.h", r"control/yaml_text\.(h|cc)"),
    (r"curl/", r"control/consul_\w+\.(h|cc)"),
    (r"(hiredis/|sqlite3\.h|libpq-fe\.h|postgresql/)", r"(tests/)?services/store_\w+\.(h|cc)"),
    # The forward fast path: codec without its slow path, and the shards.
    (r"(google/protobuf/|codec/pkt\.pb\.h)",
     r"codec/(header_slow|proto_log)\.(h|cc)|(control|services|benchmarks|tests)/.*"),
]

MAX_LINES = 400

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


def check_wrappers(path, target):
    for library, allowed in WRAPPERS:
        if re.match(library, target) and not re.fullmatch(allowed, path.as_posix()):
            return f"<{target}> is only for {allowed}"
    return None


def check_file(root, path):
    """Yields what is wrong with one file."""
    text = (root / path).read_text(encoding="utf-8")
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        yield f"{path}: {len(lines)} lines, at most {MAX_LINES}: split it"
    if path.suffix == ".h" and "#pragma once" not in lines:
        yield f"{path}: has no #pragma once"
    for number, line in enumerate(lines, 1):
        include = INCLUDE.match(line)
        if not include:
            continue
        quote, target = include.groups()
        problem = check_wrappers(path, target)
        if problem is None and quote == '"':
            problem = check_own_include(path, target)
        if problem:
            yield f"{path}:{number}: {problem}"


def check_tree(root):
    root = pathlib.Path(root)
    return [problem for path in sources(root) for problem in check_file(root, path)]


def check_no_protobuf(library):
    """A static library that neither has nor needs a symbol of protobuf."""
    symbols = subprocess.run(["nm", "-C", library], check=True, capture_output=True, text=True).stdout
    if "ringgate::" not in symbols:
        return [f"{library}: nm shows no symbol of ours: is it the right file?"]
    found = [line for line in symbols.splitlines() if "google::protobuf" in line]
    return [f"{library}: uses protobuf: {line.strip()}" for line in found]
