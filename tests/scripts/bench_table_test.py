"""What scripts/bench makes of numbers: ratios, verdicts, the table, and its place in a page."""

import json
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "scripts"))

from benchlib import document, notes, ratios, ringbench, rows, runner, table  # noqa: E402
from benchlib.cells import CELLS  # noqa: E402
from benchlib.model import Figure, Record, Recorded, Row  # noqa: E402
from benchlib.say import Trouble  # noqa: E402


def records(load, costs, **more):
    return [Record(load, at, {"cpu_us": cost}, **more) for at, cost in enumerate(costs)]


def ping(goal=1.05):
    return Row("ping", "ping over floor", ("ping", "floor"), rows.of("ping"), rows.of("floor"),
               goal)


class Ratios(unittest.TestCase):
    def test_are_taken_within_a_round(self):
        # The machine slows down twofold: medians of all would say 6 / 4.
        one = ratios.outcome(ping(), records("floor", [2, 4, 4]) + records("ping", [3, 6, 6.2]))
        self.assertEqual(one.ratio, ratios.Spread(1.5, 1.5, 1.55))
        self.assertEqual(one.floor, ratios.Spread(4, 2, 4))
        self.assertEqual(one.cost, ratios.Spread(6, 3, 6.2))

    def test_leave_out_rounds_that_failed(self):
        measured = records("floor", [2, 2, 2]) + records("ping", [2, 9, 2])
        measured[4] = Record("ping", 1, failure="it broke")
        self.assertEqual(ratios.outcome(ping(), measured).ratio, ratios.Spread(1, 1, 1))

    def test_verdict_is_the_medians(self):
        floor = records("floor", [1, 1, 1])
        for costs, verdict in (([1.0, 1.05, 9], "met"), ([1.0, 1.06, 1.2], "MISSED")):
            one = ratios.outcome(ping(), floor + records("ping", costs))
            self.assertEqual(one.verdict, verdict)
        self.assertEqual(ratios.outcome(ping(None), floor + records("ping", [2])).verdict, "")
        self.assertEqual(ratios.outcome(ping(), floor).verdict, "not measured")

    def test_without_a_floor_the_cost_has_the_goal(self):
        row = Row("bytes", "", ("held",), rows.of("held", "user_bytes"), goal=320, unit="B")
        for cost, verdict in ((320, "met"), (321, "MISSED")):
            held = [Record("held", 0, {"user_bytes": cost})]
            self.assertEqual(ratios.outcome(row, held).verdict, verdict)

    def test_memory_is_a_socket_and_what_the_gateway_adds(self):
        row = next(row for row in rows.memory() if row.name == "memory-kernel")
        held = [Record("held-pairs", 0, {"kernel_bytes": 4000}),
                Record("held-bare", 0, {"kernel_bytes": 9000}),
                Record("held-gateway", 0, {"kernel_bytes": 9300, "user_bytes": 300})]
        self.assertEqual(ratios.outcome(row, held).ratio.median, 4600 / 4000)


class Table(unittest.TestCase):
    def test_of_a_fixture(self):
        raw = json.loads((HERE / "ringbench.json").read_text(encoding="utf-8"))
        measured = [Record("ping", 0, ringbench.values_in(raw), ringbench.errors_in(raw, ()),
                           flags=ringbench.flags_in(raw)), *records("floor", [4])]
        quick = Recorded("p99", "times", ("ping",),
                         (Figure("p99", rows.of("ping", "p99_us"), "µs"),
                          Figure("", rows.of("none"), "B")))
        targets, recorded = ratios.outcomes([ping(), quick], measured)
        self.assertEqual(table.target_table(targets), [
            "| Target | Measured        | Floor   | Cost    | Ratio | Goal   |        |",
            "|--------|-----------------|---------|---------|-------|--------|--------|",
            "| ping   | ping over floor | 4.00 µs | 5.00 µs | 1.25  | ≤ 1.05 | MISSED |"])
        self.assertEqual(table.recorded_table(recorded)[2], "| p99      | times | p99 1,250 µs; – |")
        told = "\n".join(notes.notes(measured, False))
        self.assertIn("5 % of the window, at most 25 % (all threads added up), in 1 of 2", told)
        self.assertIn("was the limit in 1 of 2 measurements (ping)", told)
        self.assertIn("behind its schedule by up to 2.5 ms", told)
        self.assertIn("Less than 99 % of what was due was answered in the window in 1 of 2", told)
        self.assertIn("ERRORS: ping: 3 connection_lost", told)
        self.assertTrue(notes.has_errors(measured))
        self.assertFalse(notes.has_errors(measured[1:]))

    def test_shows_the_spread_and_the_unit(self):
        spread = ratios.Spread(1234.5, 1000, 2000)
        self.assertEqual(table.with_unit(table.spread(spread, 0), "B"), "1,234 (1,000–2,000) B")
        self.assertEqual(table.with_unit(table.spread(None, 0), "B"), "–")

    def test_a_time_that_is_only_at_least_so_long_is_none(self):
        raw = json.loads((HERE / "ringbench.json").read_text(encoding="utf-8"))
        values = ringbench.values_in(raw)
        self.assertEqual(values["p99_us"], 1250)
        self.assertNotIn("max_us", values)
        self.assertEqual(values["count"], 2001)
        self.assertNotIn("unanswered_us", values)

    def test_errors_that_a_floor_cannot_help_are_forgiven(self):
        raw = {"errors": {"total": 1, "unanswered": 1, "by_status": {}}, "failed": 1}
        self.assertEqual(ringbench.errors_in(raw, ("unanswered",)), {})
        self.assertEqual(ringbench.errors_in(raw, ()), {"unanswered": 1})
        raw = {"errors": {"total": 0}, "failed": 2}
        self.assertEqual(ringbench.errors_in(raw, ()), {"failed": 2})


class Page(unittest.TestCase):
    TEXT = "# Title\n\n<!-- targets: x -->\nold\n<!-- end of targets -->\nprose \\1\n"

    def test_keeps_markers_and_prose(self):
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "page.md"
            page.write_text(self.TEXT, encoding="utf-8")
            for lines in (["| a \\g<0> |", ""], ["new"]):
                document.write(page, "targets", lines)
            self.assertEqual(page.read_text(encoding="utf-8"), self.TEXT.replace("old", "new"))

    def test_without_markers_nothing_is_written(self):
        for text in ("no markers", self.TEXT + self.TEXT):
            with self.assertRaises(Trouble):
                document.replaced(text, "targets", ["new"])

    def test_ours_has_them(self):
        text = (HERE.parent.parent / "docs" / "performance.md").read_text(encoding="utf-8")
        for name in ("targets", "million"):
            self.assertIn("\nnew\n", document.replaced(text, name, ["new"]))


class Catalogue(unittest.TestCase):
    def test_every_row_has_its_loads_and_no_name_is_taken_twice(self):
        loads = [load.name for cell in CELLS for load in cell.loads]
        self.assertEqual(len(loads), len(set(loads)))
        names = [row.name for row in rows.all_rows(False)]
        self.assertEqual(len(names), len(set(names)))
        for row in rows.all_rows(False):
            self.assertLessEqual(set(row.loads), set(loads), row.name)

    def test_a_selection_runs_what_it_needs(self):
        picked = [row for row in rows.all_rows(True) if row.name == "p99-ping"]
        self.assertEqual([(cell.name, [load.name for load in loads])
                          for cell, loads in rows.needed(picked)],
                         [("half-load-ping", ["most-ping", "half-ping"])])

    def test_each_round_begins_with_another_load(self):
        self.assertEqual([runner.in_turn([1, 2, 3], at, True) for at in (0, 1, 3)],
                         [[1, 2, 3], [2, 3, 1], [1, 2, 3]])
        self.assertEqual(runner.in_turn([1, 2], 1, False), [1, 2])


if __name__ == "__main__":
    unittest.main()
