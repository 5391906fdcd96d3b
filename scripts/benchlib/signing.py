"""What a signature by itself costs: the floor of a full handshake."""

import re
import subprocess

from .say import Trouble


def ecdsa(bench, _load):
    seconds = "1" if bench.plan.quick else "3"
    told = subprocess.run(
        ["taskset", "-c", str(bench.cpus[0]), "openssl", "speed", "-seconds", seconds, "ecdsap256"],
        capture_output=True, text=True, check=False)
    # The time of one is of CPU, and so is the rate.
    found = re.search(r"ecdsa \(nistp256\)\s+\S+\s+\S+\s+([\d.]+)", told.stdout)
    if not found:
        raise Trouble(f"openssl speed has told no rate: {told.stdout[-200:]}{told.stderr[-200:]}")
    return {"cpu_us": 1e6 / float(found[1])}
