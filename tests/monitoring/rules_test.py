#!/usr/bin/env python3
"""The alerts of docs/monitoring/: Prometheus' own tool finds nothing in them, each fires in
ringgate.rules.test.yml and in a drill, and says what to do; the dashboard's expressions can be
parsed."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "docs/monitoring/ringgate.rules.yml"
DASHBOARD = ROOT / "docs/monitoring/ringgate-dashboard.json"
TESTS = ROOT / "tests/monitoring/ringgate.rules.test.yml"
DOCUMENT = ROOT / "docs/observability.md"
DRILLS = ROOT / "tests/monitoring/drills_test.cc"

# Alerts that no real fault can fire in a test, to why not.
NOT_DRILLED = {}


def promtool(*arguments):
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def alerts(text):
    return re.findall(r"- alert: (\w+)", text)


class Rules(unittest.TestCase):
    def test_are_good(self):
        code, words = promtool("check", "rules", RULES)
        self.assertEqual(code, 0, words)
        self.assertIn(f"{len(alerts(RULES.read_text()))} rules found", words)

    def test_fire_where_they_should_and_nowhere_else(self):
        # The tool compares annotations word by word. What they say is not what is tested here.
        plain = re.sub(r"        annotations:\n(          .*\n)+", "", RULES.read_text())
        self.assertNotIn("summary", plain)
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / RULES.name).write_text(plain)
            tests = pathlib.Path(folder) / TESTS.name
            tests.write_text(TESTS.read_text())
            code, words = promtool("test", "rules", tests)
            self.assertEqual(code, 0, words)

    def test_are_all_tested(self):
        fired = re.findall(r"alertname: (\w+)\n\s+exp_alerts", TESTS.read_text())
        self.assertEqual(sorted(fired), sorted(alerts(RULES.read_text())))

    def test_are_all_fired_by_a_drill(self):
        drilled = set(re.findall(r'wait_for\(\s*"(\w+)"', DRILLS.read_text()))
        self.assertEqual(sorted([*drilled, *NOT_DRILLED]), sorted(alerts(RULES.read_text())))
        for alert, why in NOT_DRILLED.items():
            self.assertRegex(why, r".{20}", alert)

    # In docs/observability.md: each with its severity, in the order of the file.
    def test_are_all_explained(self):
        told = re.findall(r"^\| `(Ringgate\w+)` \| (\w+) \| ([^|]{20,}) \| ([^|]{20,}) \|$",
                          DOCUMENT.read_text(), re.MULTILINE)
        rules = re.findall(r"- alert: (\w+)\n(?:.*\n)+?\s+labels: \{severity: (\w+)\}",
                           RULES.read_text())
        self.assertEqual([row[:2] for row in told], rules)
        self.assertEqual([name for name, _ in rules], alerts(RULES.read_text()))

    def test_say_what_to_do(self):
        for rule in RULES.read_text().split("- alert: ")[1:]:
            self.assertRegex(rule, r"summary: .{20}")
            self.assertRegex(rule, r"runbook: .{40}")


class Dashboard(unittest.TestCase):
    def test_has_expressions_that_prometheus_can_read(self):
        panels = json.loads(DASHBOARD.read_text())["panels"]
        texts = [t["expr"] for panel in panels for t in panel.get("targets", [])]
        self.assertGreater(len(texts), 30)
        rules = "groups:\n  - name: panels\n    rules:\n"
        for i, text in enumerate(texts):
            for name, value in (("$__rate_interval", "5m"), ("$job", ".*"), ("$instance", ".*")):
                text = text.replace(name, value)
            rules += f"      - record: panel:{i}\n        expr: {json.dumps(text)}\n"
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            file.write(rules)
            file.flush()
            code, words = promtool("check", "rules", file.name)
        self.assertEqual(code, 0, words)

    def test_has_panels_of_their_own_places(self):
        places = [tuple(p["gridPos"].values()) for p in json.loads(DASHBOARD.read_text())["panels"]]
        self.assertEqual(len(places), len(set(places)))


if __name__ == "__main__":
    sys.exit(unittest.main())
