"""usage: report_page_test.py WRITE_SAMPLE_REPORT SCREENSHOT: the page of `ringbench --html`.

It is opened as the file that it is, in Chromium, in a window as wide as a desktop's and as a phone's.
"""

import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

from driver import start_driver
from webdriver import Browser, wait_for

WRITER, SCREENSHOT = sys.argv[1], pathlib.Path(sys.argv[2])

# Curves of each chart: talk and delivery, twice; p50, p99 and longest; the target and ringbench.
CURVES = {"percentiles": 2, "rate": 2, "times": 3, "errors-over-time": 1, "cpu": 2, "rss": 1}


class ReportPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Made first, so that it goes last: the browser writes to it until it has ended.
        cls.folder = tempfile.TemporaryDirectory(prefix="ringgate-report-",
                                                 ignore_cleanup_errors=True)
        cls.addClassCleanup(cls.folder.cleanup)
        page = pathlib.Path(cls.folder.name, "report.html")
        subprocess.run([WRITER, page], check=True, timeout=60)
        driver, driver_port = start_driver()
        cls.addClassCleanup(driver.stop)
        cls.browser = Browser(driver_port, str(pathlib.Path(cls.folder.name, "profile")))
        cls.addClassCleanup(cls.browser.quit)
        cls.tab = cls.browser.first_tab()
        cls.tab.open(page.as_uri())

    def curves(self, chart):
        """The paths of a chart's curves."""
        return self.tab.run(
            "return [...document.querySelectorAll(`#${arguments[0]} path.curve`)]"
            ".map((path) => path.getAttribute('d'))", chart)

    def expect_charts(self):
        for chart, count in CURVES.items():
            paths = self.curves(chart)
            self.assertEqual(len(paths), count, chart)
            for path in paths:
                self.assertRegex(path, r"^M[\d.]+ [\d.]+(L[\d.]+ [\d.]+){8,}$", chart)

    def text(self, css):
        return self.tab.run("return document.querySelector(arguments[0]).textContent", css)

    def test_1_draws_every_chart_without_a_complaint(self):
        self.expect_charts()
        self.assertEqual([entry["message"] for entry in self.browser.console()], [])
        self.tab.screenshot(SCREENSHOT)
        self.assertGreater(SCREENSHOT.stat().st_size, 10000)

    def test_2_tells_the_numbers(self):
        self.assertEqual(self.text("#title"), "ringbench talk")
        self.assertIn("12,345 connections", self.text("#subtitle"))
        self.assertEqual(self.text("#verdict"), "failed: 1 of 3 conditions")
        self.assertIn("1,999 /s", self.text("#numbers"))
        self.assertIn("delivery", self.text("#actions"))
        self.assertIn("300: 9, 404: 3", self.text("#errors"))
        self.assertIn("120 MB", self.text("#processes"))
        self.assertIn("talk tcp://127.0.0.1:8001", self.text("pre"))

    def test_3_says_what_is_under_the_pointer(self):
        self.tab.run(
            "const plot = document.querySelector('#times .plot');"
            "const box = plot.getBoundingClientRect();"
            "plot.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + box.width / 2}))")
        self.assertRegex(self.text("#times .chart-head"),
                         r"^Timesp50 \d+ µsp99 \d+ µslongest [\d.]+ msat [\d.]+ s$")

    def test_4_fits_a_phone(self):
        before = self.curves("rate")
        self.tab.resize(390, 800)
        wait_for("charts of another width", lambda: self.curves("rate") != before)
        self.expect_charts()
        overhang = self.tab.run("const page = document.documentElement;"
                                "return page.scrollWidth - page.clientWidth")
        self.assertEqual(overhang, 0)

    def test_5_asks_nobody_for_anything(self):
        fetched = self.tab.run("return performance.getEntriesByType('resource').map((e) => e.name)")
        self.assertEqual([name for name in fetched if not re.match("data:", name)], [])
        self.assertEqual([entry["message"] for entry in self.browser.console()], [])


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    unittest.main(argv=sys.argv[:1], failfast=True)
