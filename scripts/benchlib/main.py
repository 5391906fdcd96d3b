"""One run, from the command line to the exit code."""

import dataclasses
import json
import os
import pathlib
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass

from . import document, machine, million, notes, ratios, rows, sizing, table
from .model import Row
from .options import parse_options
from .runner import CellRun
from .say import Trouble, say

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "performance.md"
OPERATIONS = ROOT / "docs" / "operations.md"
BUILT = ("ringgate", "ringbench", "bare_echo", "bare_relay", "bare_push", "bare_accept",
         "bare_tls_echo", "lws_tls_echo", "shard_ping_bench", "connection_bytes")
ROUNDS, SECONDS, QUICK_SECONDS = 5, 5, 1


@dataclass(frozen=True)
class Plan:
    quick: bool
    rounds: int | None  # as asked for
    seconds: int
    warmup: str

    @staticmethod
    def of(options):
        return Plan(options.quick, options.rounds,
                    options.seconds or (QUICK_SECONDS if options.quick else SECONDS),
                    "300ms" if options.quick else "1s")

    def rounds_of(self, cell):
        if self.rounds:
            return self.rounds
        if self.quick:
            return cell.quick_rounds
        return min(ROUNDS, cell.rounds or ROUNDS)

    def told(self):
        rounds = f"{self.rounds} rounds" if self.rounds else (
            "1 to 3 rounds" if self.quick else f"{ROUNDS} rounds (3 of the long ones)")
        return f"Median (lowest–highest) of {rounds} of {self.seconds} s."


def find_program(build, name):
    path = build / ("services" if name == "ringgate" else "benchmarks") / name
    if not os.access(path, os.X_OK):
        raise Trouble(f"{path} is not built: run scripts/build release, or leave out --build")
    return path


class Bench:
    """What every part of a run has to know."""

    def __init__(self, plan, build, out, work):
        self.plan = plan
        self.build = build
        self.out = out  # stays
        self.work = work  # goes
        self.cpus = machine.cpus()
        if len(self.cpus) < 2:
            raise Trouble("it takes two CPUs: one for the server, one for the load generator")
        self.generator_cpus = self.cpus[1:2]

    def pin_generator(self, pinned):
        self.generator_cpus = self.cpus[1:2] if pinned else self.cpus

    def binary(self, name):
        return find_program(self.build, name)


def build(options):
    if options.build:
        return options.build.resolve()
    if subprocess.run([ROOT / "scripts" / "build", "release", *BUILT], stdout=sys.stderr,
                      check=False).returncode != 0:
        raise Trouble("nothing was measured, since the build failed")
    return ROOT / "build" / "release"


def results_folder(about):
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    folder = ROOT / "build" / "bench" / f"{stamp}-{about['commit']}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def measure(bench, picked, records):
    """The exit code of a run that did not get to its end; None: it did."""
    begin = time.monotonic()
    try:
        for cell, loads in rows.needed(picked):
            CellRun(bench, cell, loads, records).run()
    except KeyboardInterrupt:
        say("interrupted: what was measured until now follows")
        return 130
    except Exception:  # half an hour of measurements is not lost to a mistake in the last row
        traceback.print_exc()
        say("failed: what was measured until now follows")
        return 1
    say(f"measured in {time.monotonic() - begin:.0f} s")
    return None


def tell(options, bench, about, picked, records):
    """Prints and writes the tables; whether a target was missed."""
    targets, recorded = ratios.outcomes(picked, records)
    lines = table.report(about, bench.plan.told(), targets, recorded,
                         notes.notes(records, bench.plan.quick))
    print("\n".join(lines), flush=True)
    (bench.out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    text = json.dumps({"machine": about, "plan": dataclasses.asdict(bench.plan),
                       "targets": [as_json(one) for one in targets],
                       "records": [dataclasses.asdict(record) for record in records]}, indent=1)
    for file in filter(None, (bench.out / "results.json", options.json)):
        file.write_text(text + "\n", encoding="utf-8")
    say(f"numbers and pages are in {bench.out}")
    return lines, any(one.verdict not in ("met", "") for one in targets)


def as_json(outcome):
    def spread(of):
        return dataclasses.asdict(of) if of else None

    row: Row = outcome.row
    return {"name": row.name, "what": row.what, "unit": row.unit, "goal": row.goal,
            "cost": spread(outcome.cost), "floor": spread(outcome.floor),
            "ratio": spread(outcome.ratio), "verdict": outcome.verdict}


def pick(options):
    return [row for row in rows.all_rows(options.quick)
            if not options.only or options.only.search(row.name)]


def run_targets(options, bench, about):
    picked = pick(options)
    records = []
    broken = measure(bench, picked, records)
    if broken:
        measured = {record.load for record in records}
        picked = [row for row in picked if measured.issuperset(row.loads)]
    lines, missed = tell(options, bench, about, picked, records)
    if broken:
        return broken
    if options.write:
        document.write(PAGE, "targets", lines)
        say(f"wrote {PAGE}")
    return 1 if notes.has_errors(records) or (options.check and missed) else 0


def run(options):
    if not pick(options):
        say(f"no target is named like '{options.only.pattern}': see --list")
        return 2
    about = machine.describe(ROOT)
    folder = build(options)
    for program in BUILT:
        find_program(folder, program)
    with tempfile.TemporaryDirectory(prefix="ringgate-bench-") as work:
        bench = Bench(Plan.of(options), folder, results_folder(about), pathlib.Path(work))
        if options.million:
            return million.run(options, bench, about, PAGE)
        if options.sizing:
            return sizing.run(bench, about, OPERATIONS, options.write)
        return run_targets(options, bench, about)


def interrupt(*_):
    raise KeyboardInterrupt


def main(arguments):
    options = parse_options(arguments)
    if options.list:
        width = max(len(row.name) for row in rows.all_rows(False))
        for row in rows.all_rows(options.quick):
            print(f"{row.name:<{width}}  {row.what}")
        return 0
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    # The gateways', and what ringbench signs with.
    secret = os.environ.setdefault("RINGGATE_APPSECRET", secrets.token_urlsafe(24))
    os.environ["RINGBENCH_SECRET"] = secret
    try:
        return run(options)
    except Trouble as trouble:
        say(str(trouble))
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130
