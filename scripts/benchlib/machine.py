"""What was measured, on what, and when."""

import datetime
import os
import pathlib
import re
import subprocess


def read(path):
    try:
        return pathlib.Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""


def memory_bytes(name):
    """Of /proc/meminfo: MemTotal, MemAvailable, Slab."""
    found = re.search(rf"^{name}:\s+(\d+) kB", read("/proc/meminfo"), re.M)
    return int(found.group(1)) * 1024 if found else 0


def commit_of(root):
    def git(*words):
        return subprocess.run(["git", "-C", root, *words], capture_output=True, text=True,
                              check=False)

    commit = git("rev-parse", "--short", "HEAD").stdout.strip() or "unknown"
    # What is written by an earlier run changes nothing of what is measured.
    changed = git("diff", "--quiet", "HEAD", "--", ".", ":!docs").returncode != 0
    return f"{commit}-changed" if changed and commit != "unknown" else commit


def cpus():
    """Those that this process may use."""
    return sorted(os.sched_getaffinity(0))


def describe(root):
    model = re.search(r"^model name\s*:\s*(.*)$", read("/proc/cpuinfo"), re.M)
    kernel = os.uname()
    return {
        "commit": commit_of(root),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "kernel": f"{kernel.sysname} {kernel.release}",
        "cpu": re.sub(r"\s+", " ", model.group(1)) if model else kernel.machine,
        "cpus": len(cpus()),
        "memory_gib": round(memory_bytes("MemTotal") / 2**30, 1),
        "load_average": os.getloadavg()[0],
    }
