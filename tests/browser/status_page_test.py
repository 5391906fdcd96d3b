"""usage: status_page_test.py RINGGATE FOLDER: the page /status of a gateway in Chromium.

Real processes only. Screenshots of it, light and dark, are left in FOLDER.
"""

import pathlib
import re
import signal
import socket
import sys
import tempfile
import unittest

from driver import start_driver
from person import Person
from process import Process
from webdriver import Browser, wait_for

RINGGATE, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])
TOKEN = "a-token-that-the-page-is-given"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class StatusPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Made first, so that it goes last: the browser writes to it until it has ended.
        cls.folder = tempfile.TemporaryDirectory(prefix="ringgate-status-",
                                                 ignore_cleanup_errors=True)
        cls.addClassCleanup(cls.folder.cleanup)
        cls.gateway = cls.start(RINGGATE, "dev", "--tcp", "127.0.0.1:0", "--ws", "127.0.0.1:0",
                                "--admin", "127.0.0.1:0", "--data", "memory")
        driver, driver_port = start_driver()
        cls.addClassCleanup(driver.stop)
        cls.try_page = cls.gateway.wait_match(r"(?m)^admin (http://127\.0\.0\.1:\d+/try)$")
        cls.gateway.wait_match(r"(?m)^(listening ws )")
        cls.browser = Browser(driver_port, str(pathlib.Path(cls.folder.name, "profile")))
        cls.addClassCleanup(cls.browser.quit)

    @classmethod
    def start(cls, *command):
        process = Process(*command)
        cls.addClassCleanup(process.stop)
        return process

    def text(self, css):
        return self.tab.run("return document.querySelector(arguments[0]).textContent", css)

    def expect_quiet_console(self):
        self.assertEqual([entry["message"] for entry in self.browser.console()], [])

    def look(self, color):
        self.browser.emulate_color(color)
        wait_for(f"colors to be {color}", lambda: self.tab.run(
            "return matchMedia(`(prefers-color-scheme: ${arguments[0]})`).matches", color))
        self.tab.screenshot(FOLDER / f"status_page_{color}.png")
        self.assertGreater((FOLDER / f"status_page_{color}.png").stat().st_size, 10000)
        return self.tab.run("return getComputedStyle(document.body).backgroundColor")

    def test_1_shows_what_happens(self):
        cls = type(self)
        people = [Person(self.browser.first_tab(), self.try_page, "alice"),
                  Person(self.browser.new_tab(), self.try_page, "bob")]
        for person in people:
            person.log_in()
        alice, bob = people
        for n in range(5):
            alice.talk("bob", f"message {n}")
        bob.tab.click("#leave")
        bob.wait_state("offline")
        cls.tab = self.browser.new_tab()
        self.tab.resize(1280, 1000)
        self.tab.open(self.try_page.replace("/try", "/status"))
        wait_for("the gateway to be ready", lambda: self.text("#state-text") == "ready")
        self.assertEqual(self.text("#name"), "ringgate dev-gateway")
        # What was before the page was opened is there, too.
        wait_for("the close", lambda: "peer_close_frame" in self.text("#closes"))
        wait_for("the services", lambda: re.search(r"dev-services.*adult", self.text("#services")))
        wait_for("one client", lambda: self.text("#plots .now") == "1")
        self.assertEqual(len(self.tab.run(
            "return [...document.querySelectorAll('#plots .plot')].map((p) => p.ariaLabel)")), 5)
        alice.talk("bob", "one more")
        wait_for("a line of some seconds", lambda: re.match(
            r"^M[\d.]+ [\d.]+(L[\d.]+ [\d.]+){3,}$", self.tab.run(
                "return document.querySelector('svg .a').getAttribute('d') ?? ''")))
        self.expect_quiet_console()

    def test_2_is_light_and_dark(self):
        self.assertNotEqual(self.look("light"), self.look("dark"))
        self.expect_quiet_console()

    def test_3_says_what_is_under_the_pointer(self):
        self.tab.run(
            "const plot = document.querySelector('#plots svg');"
            "const box = plot.getBoundingClientRect();"
            "plot.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + box.width / 2}))")
        self.assertEqual(self.tab.run(
            "return document.querySelector('#plots .cross').getAttribute('visibility')"), "visible")

    def test_4_fits_a_phone(self):
        self.tab.resize(500, 900)
        wait_for("no overhang", lambda: self.tab.run(
            "const page = document.documentElement;"
            "return page.scrollWidth - page.clientWidth") == 0)

    def test_5_asks_nobody_else(self):
        own = self.try_page.replace("/try", "/status.json?since=")
        fetched = self.tab.run("return performance.getEntriesByType('resource').map((e) => e.name)")
        self.assertTrue(fetched)
        self.assertEqual([name for name in fetched
                          if not name.startswith((own, "data:"))], [])
        self.expect_quiet_console()

    def test_6_takes_a_token_and_tells_what_is_missing(self):
        folder, port = pathlib.Path(self.folder.name), free_port()
        config = folder / "gateway.yaml"
        config.write_text(f"ServiceID: gw01\nListen: [127.0.0.1:0]\nAdminPort: {port}\n"
                          f"RegistryFile: {folder}/services.json\nAdminToken: {TOKEN}\n"
                          "AppSecret: a-secret-of-this-test\n")
        gateway = self.start(RINGGATE, "gateway", "-c", str(config))
        gateway.wait_match(r"(?m)^(listening tcp )")
        self.tab.open(f"http://127.0.0.1:{port}/status")
        wait_for("the form", lambda: self.text("#state-text") == "a token is asked for")
        self.tab.type("#token", TOKEN)
        self.tab.click("#token-form button")
        wait_for("the state", lambda: self.text("#state-text") == "not ready")
        self.assertIn("no login service is connected", self.text("#problem"))
        self.assertTrue(self.tab.run("return document.querySelector('#token-form').hidden"))

    def test_7_the_end_of_the_gateway_is_told(self):
        self.tab.open(self.try_page.replace("/try", "/status"))
        wait_for("the gateway to be ready", lambda: self.text("#state-text") == "ready")
        self.assertEqual(self.gateway.terminate(), 0)
        wait_for("the end", lambda: self.text("#state-text").startswith("no answer"))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    unittest.main(argv=sys.argv[:1], failfast=True)
