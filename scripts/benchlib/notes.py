"""What is to be known about the numbers of a run: sentences below the table."""

import collections

WAITED_MUCH = 0.05  # of a window, for a CPU that others had


def count_by_load(records, of):
    """`3 of 40 measurements (ping-64 2, echo-64)`. Where it is most of them, names say little."""
    told = f"{len(records)} of {len(of)} measurements"
    if len(records) * 2 > len(of) > 10:
        return told
    counts = collections.Counter(record.load for record in records)
    names = ", ".join(f"{load} {count}" if count > 1 else load for load, count in counts.items())
    return f"{told} ({names})"


def about_waiting(records):
    waited = [record for record in records if record.flags.get("waited", 0) > WAITED_MUCH]
    if not waited:
        return []
    most = max(record.flags["waited"] for record in waited)
    return [f"Others ran on these CPUs: the measured process waited for one during more than "
            f"{100 * WAITED_MUCH:.0f} % of the window, at most {100 * most:.0f} % (all threads "
            f"added up), in {count_by_load(waited, records)}."]


def about_generator(records):
    limited = [record for record in records if "generator" in record.flags]
    if not limited:
        return []
    return ["The load generator, not the server, was the limit in "
            f"{count_by_load(limited, records)}: costs per message hold, rates and times are the generator's."]


def about_lag(records):
    late = [record for record in records if "late_us" in record.flags]
    if not late:
        return []
    most = max(record.flags["late_us"] for record in late)
    return [f"The load generator was behind its schedule by up to {most / 1000:.1f} ms (p99) in "
            f"{count_by_load(late, records)}."]


def about_rates(records):
    behind = [record for record in records if "behind" in record.flags]
    if not behind:
        return []
    return ["Less than 99 % of what was due was answered in the window in "
            f"{count_by_load(behind, records)}: its rate was not kept."]


def about_failures(records):
    notes = [f"FAILED: {record.load}, round {record.round + 1}: {record.failure.splitlines()[0]}"
             for record in records if record.failure]
    errors = collections.Counter()
    for record in records:
        for kind, count in record.errors.items():
            errors[record.load, kind] += count
    return notes + [f"ERRORS: {load}: {count} {kind}" for (load, kind), count in errors.items()]


def notes(records, quick):
    told = []
    if quick:
        told.append("A quick run: short windows and few rounds, so that the spread says little. "
                    "The user space of a ping is shard_ping_bench's median over a ring that does "
                    "nothing: reading it from a running gateway takes a minute.")
    measured = [record for record in records if not record.failure]
    for about in (about_waiting, about_generator, about_lag, about_rates):
        told += about(measured)
    return told + about_failures(records)


def has_errors(records):
    return any(record.failure or record.errors for record in records)
