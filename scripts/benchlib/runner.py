"""The rounds of a cell."""

from . import ringbench, servers
from .children import Children
from .model import Record
from .say import Trouble, say


def in_turn(loads, round_, turning):
    at = round_ % len(loads) if turning else 0
    return [*loads[at:], *loads[:at]]


def half_rate(load, done):
    """Of an open loop: half of what the closed one has reached in this round."""
    if not load.half_of:
        return 0
    if "per_second" not in done.get(load.half_of, {}):
        raise Trouble(f"{load.name} takes its rate from {load.half_of}, which was not measured")
    return done[load.half_of]["per_second"] / 2


def brief(record):
    if record.failure:
        return f"FAILED: {record.failure}"
    shown = [f"{record.values[key]:.4g} {unit}" for key, unit in
             (("cpu_us", "µs"), ("user_us", "µs user space"), ("kernel_bytes", "B"))
             if key in record.values]
    errors = [f"{count} {kind}" for kind, count in record.errors.items()]
    return ", ".join([*shown[:1], *errors])


class CellRun:
    """One cell from start to end. What fails becomes a record that says so."""

    def __init__(self, bench, cell, loads, records):
        self.bench = bench
        self.cell = cell
        self.loads = loads
        self.records = records

    def run(self):
        try:
            with Children(self.bench.work) as children:
                names = {load.server: None for load in self.loads if load.server}
                self.bench.pin_generator(self.cell.pinned)
                running = servers.start_servers(self.bench, children, self.cell, names)
                for round_ in range(self.rounds()):
                    self.run_round(children, running, round_)
        except Trouble as trouble:
            say(f"{self.cell.name}: {trouble}")
            self.records += [Record(load.name, 0, failure=str(trouble)) for load in self.loads]

    def rounds(self):
        return self.bench.plan.rounds_of(self.cell)

    def run_round(self, children, running, round_):
        done = {}
        for load in in_turn(self.loads, round_, self.cell.turning):
            try:
                record = self.measure(children, running, load, round_, done)
            except Trouble as trouble:
                record = Record(load.name, round_, failure=str(trouble))
            done[load.name] = record.values
            self.records.append(record)
            say(f"{self.cell.name}, round {round_ + 1} of {self.rounds()}: "
                f"{load.name} {brief(record)}")

    def measure(self, children, running, load, round_, done):
        if self.cell.measure:
            return Record(load.name, round_, self.cell.measure(self.bench, load))
        return ringbench.measure(self.bench, children, load, running[load.server], round_,
                                 half_rate(load, done))
