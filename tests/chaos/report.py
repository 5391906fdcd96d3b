"""What a run says at its end."""

NAMES = ("connections", "logins", "logins failed", "connects failed", "kick-outs", "requests", "answered", "unknown",
         "talks", "talks answered", "talks delivered", "pushes", "talks found in the store",
         "reordered while links changed", "of altered connections", "takeovers given up")
MOST_TOLD = 5
MOST_REASONS = 12


def table(rows):
    width = max(len(str(name)) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in rows)


def report(world):
    ledger = world.ledger
    statuses = ", ".join(f"{status}: {count}" for status, count in sorted(ledger.statuses.items()))
    rows = [(name, ledger.counts[name]) for name in NAMES]
    rows += [("answers by status", statuses), ("slowest back after a loss", f"{world.longest_away_s:.1f} s")]
    if world.recovery_s is not None:
        rows.append(("everybody heard after the last fault", f"{world.recovery_s:.1f} s"))
        rows.append(("everything ready after the last fault", f"{world.ready_s:.1f} s"))
    faults = sorted(world.fault_counts.items())
    ends = ledger.ends.most_common(12)
    return "\n".join(["", "faults", table(faults + [("all", sum(world.fault_counts.values()))]), "",
                      "ends of connections", table(ends or [("none", 0)]), "",
                      "answers that were no success", table(ledger.reasons.most_common(MOST_REASONS) or [("none", 0)]),
                      "", "ledger", table(rows), ""])


def verdict(world, folder):
    """Of a run that got to its end."""
    breaches = world.ledger.breaches
    if not breaches:
        return f"chaos: nothing was broken; seed {world.seed}"
    first = "\n".join(f"  {text}" for text in breaches[:MOST_TOLD])
    return (f"chaos: {len(breaches)} times something was broken, the first ones:\n{first}\n"
            f"chaos: logs, events.log and talks.log are in {folder}\n"
            f"chaos: again: scripts/chaos --seed {world.seed} --seconds {world.options.seconds:g}"
            f" --clients {world.options.clients} --rate {world.options.rate:g}")
