"""Results as Markdown that can be read as it is."""


def number(value, digits):
    return f"{value:,.{digits}f}"


def spread(of, digits):
    if of is None:
        return "–"
    if of.low == of.high:
        return number(of.median, digits)
    return f"{number(of.median, digits)} ({number(of.low, digits)}–{number(of.high, digits)})"


def with_unit(text, unit):
    if not unit or text == "–":
        return text
    return f"{text}{unit}" if unit.startswith("/") else f"{text} {unit}"


def goal(row):
    if row.goal is None:
        return "–"
    unit = "" if row.floor else row.unit
    return "≤ " + with_unit(number(row.goal, 0 if unit == "B" else 2), unit)


def aligned(rows):
    """The lines of a table whose first row is its head."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"
             for row in rows]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def target_table(outcomes):
    rows = [("Target", "Measured", "Floor", "Cost", "Ratio", "Goal", "")]
    for one in outcomes:
        row = one.row
        rows.append((row.name, row.what, with_unit(spread(one.floor, row.digits), row.unit),
                     with_unit(spread(one.cost, row.digits), row.unit), spread(one.ratio, 2),
                     goal(row), one.verdict))
    return aligned(rows)


def recorded_table(recorded):
    rows = [("Recorded", "What", "Measured")]
    for row, figures in recorded:
        told = [f"{figure.label} {with_unit(spread(value, figure.digits), figure.unit)}".strip()
                for figure, value in figures]
        rows.append((row.name, row.what, "; ".join(told)))
    return aligned(rows)


def about(machine, plan):
    return (f"Commit {machine['commit']}, {machine['date']}; {machine['kernel']}; "
            f"{machine['cpus']} × {machine['cpu']}, {machine['memory_gib']} GiB; load average at "
            f"the start {machine['load_average']:.1f}. {plan}")


def report(machine, plan, outcomes, recorded, notes):
    """Everything that goes between the markers, as lines."""
    lines = [about(machine, plan)]
    if outcomes:
        lines += ["", *target_table(outcomes)]
    if recorded:
        lines += ["", *recorded_table(recorded)]
    if notes:
        lines += ["", *(f"- {note}" for note in notes)]
    return lines
