"""Processes that processes of ours have started."""

import pathlib


def descendants(pid):
    """A process and all that it has started, and so on: PostgreSQL has one for each connection."""
    parents = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(fields[1])
    found = [pid]
    for one in found:  # grows
        found += [child for child, parent in parents.items() if parent == one]
    return found
