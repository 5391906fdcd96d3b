"""What so many clients take of a machine: the table of docs/operations.md.

Each size is held as a million is (million.py). Both ends of a connection are on this machine, and weigh about the same
in the kernel: half of what it takes counts.
"""

import re
import subprocess
import tempfile

from . import document, million, table
from .children import Children
from .ringbench import errors_in
from .say import Trouble, say

SIZES = (10_000, 50_000, 200_000)
HELD_S, SETTLE_S = 45, 30  # less than a million is held, so that all three take four minutes


def locked_bytes_of_a_shard(bench):
    """As `ringgate doctor` counts it."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write("ServiceID: sizing\nAppSecret: not-used-by-the-doctor-00\nRegistryFile: /dev/null\n"
                   "Listen: 127.0.0.1:0\nShards: 1\n")
        file.flush()
        said = subprocess.run(["prlimit", "--memlock=65536:65536", bench.binary("ringgate"), "doctor", "-c", file.name],
                              capture_output=True, text=True, check=False).stdout
    found = re.search(r"the rings of (\d+) shards? take (\d+) KiB", said)
    if not found:
        raise Trouble(f"ringgate doctor does not say what rings take: {said}")
    return 1024 * int(found[2]) / int(found[1])


def row(connections, held, locked):
    cpu = held["raw"]["target_cpu"]
    us = cpu["us_per_message"]
    kernel, own = held["kernel_bytes"] / 2, held["gateway_rss_bytes"]
    return (f"{connections:,}", f"{held['shards']}", f"{own / 2**20:,.0f} MiB", f"{kernel / 2**20:,.0f} MiB",
            f"{(own + kernel) / connections:,.0f} B", f"{held['shards'] * locked / 1024:,.0f} KiB",
            f"{us:.0f} µs, {us * connections / million.HEARTBEAT_S / 1e4:.1f} % of a CPU")


def run(bench, about, page, may_write):
    locked = locked_bytes_of_a_shard(bench)
    bench.pin_generator(False)
    rows = [("Clients", "Shards", "Own memory", "Kernel's memory", "Of each", "Locked memory",
             f"CPU of a heartbeat; one of each every {million.HEARTBEAT_S} s")]
    is_well = True
    for connections in SIZES:
        million.check_memory(connections)
        with Children(bench.work) as children:
            held = million.hold(bench, children, connections, HELD_S, SETTLE_S,
                                look=lambda _: [])
        errors = errors_in(held["raw"], ())
        is_well = is_well and not errors and held["exit_code"] == 0
        rows.append(row(connections, held, locked))
        say(" ".join(rows[-1]) + (f" FAILED: {errors}" if errors else ""))
    lines = [table.about(about, ""), "", *table.aligned(rows)]
    print("\n".join(lines), flush=True)
    if may_write and is_well:
        document.write(page, "sizing", lines)
        say(f"wrote {page}")
    return 0 if is_well else 1
