"""usage: try_page_test.py RINGGATE SCREENSHOT: the page /try of `ringgate dev` in Chromium.

Real processes only: the gateway, chromedriver and the browser that it starts. All of them end with
the test, whatever becomes of it.
"""

import http.client
import http.server
import json
import pathlib
import re
import signal
import sys
import tempfile
import threading
import unittest

from driver import start_driver
from person import Person
from process import Process
from webdriver import Browser

RINGGATE, SCREENSHOT = sys.argv[1], pathlib.Path(sys.argv[2])


class ForeignSite:
    """A web site of somebody else: an empty page on another port, so another origin."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!DOCTYPE html><link rel=icon href='data:,'><title>foreign</title>")

        def log_message(self, *_):
            pass

    def __init__(self):
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def connect_from(tab, url):
    """Opens a WebSocket in a page; "open" or the code of its close."""
    return tab.run_async(
        "const [url, done] = arguments; const socket = new WebSocket(url);"
        "socket.onopen = () => { socket.close(); done('open'); };"
        "socket.onclose = (event) => done(event.code);", url)


class TryPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Made first, so that it goes last: the browser writes to it until it has ended.
        cls.profile = tempfile.TemporaryDirectory(prefix="ringgate-try-",
                                                  ignore_cleanup_errors=True)
        cls.addClassCleanup(cls.profile.cleanup)
        cls.gateway = cls.start(RINGGATE, "dev", "--tcp", "127.0.0.1:0", "--ws", "127.0.0.1:0",
                                "--admin", "127.0.0.1:0", "--data", "memory")
        driver, driver_port = start_driver()
        cls.addClassCleanup(driver.stop)
        cls.page = cls.gateway.wait_match(r"(?m)^admin (http://127\.0\.0\.1:\d+/try)$")
        cls.admin_port = int(re.search(r":(\d+)/", cls.page).group(1))
        cls.ws_port = int(cls.gateway.wait_match(r"(?m)^listening ws \S*:(\d+)\S*$"))
        cls.browser = Browser(driver_port, cls.profile.name)
        cls.addClassCleanup(cls.browser.quit)

    @classmethod
    def start(cls, *command):
        process = Process(*command)
        cls.addClassCleanup(process.stop)
        return process

    def get(self, path, host):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=20)
        self.addCleanup(connection.close)
        connection.putrequest("GET", path, skip_host=True)
        connection.putheader("Host", host)
        connection.endheaders()
        reply = connection.getresponse()
        return reply.status, reply.read().decode()

    def expect_quiet_console(self):
        self.assertEqual([entry["message"] for entry in self.browser.console()], [])

    def test_1_two_people_talk(self):
        cls = type(self)
        cls.alice = alice = Person(self.browser.first_tab(), self.page, "alice")
        cls.bob = bob = Person(self.browser.new_tab(), self.page, "bob")
        for person in (alice, bob):
            state = person.log_in()
            account = person.account
            self.assertRegex(state, rf"^logged in as {account}, channel \S+_{account}_")

        alice.tab.click("#ping")
        self.assertRegex(alice.wait_entry("ping", " ms")["text"], r"^\d+(\.\d)? ms$")
        self.assertRegex(alice.tab.run("return document.getElementById('rtt').textContent"),
                         r"^\d+(\.\d)? ms round trip$")

        markup = "hello <b>bob</b> & café ✓"
        sent = alice.talk("bob", markup)
        pushed = bob.wait_entry("push", markup)
        self.assertEqual(pushed["text"], f"alice: {markup}")
        self.assertEqual(pushed["id"], sent)
        self.assertGreater(int(sent), 10000)
        answered = bob.talk("alice", "hello alice")
        self.assertEqual(alice.wait_entry("push", "hello alice")["id"], answered)
        self.assertGreater(int(answered), int(sent))

        alice.tab.type("#echo-text", "is anybody there?")
        alice.tab.click("#send-echo")
        alice.wait_entry("echo", "is anybody there?")
        alice.tab.screenshot(SCREENSHOT)
        self.assertGreater(SCREENSHOT.stat().st_size, 10000)
        self.expect_quiet_console()

    def test_2_a_newer_login_ends_the_older(self):
        again = Person(self.browser.new_tab(), self.page, "bob")
        again.log_in()
        self.bob.wait_entry("kickout", "logged in elsewhere")
        self.assertRegex(self.bob.wait_state("kicked"), "^kicked out")
        closed = self.bob.wait_entry("closed", " (")
        self.assertRegex(closed["text"], r"^\d{4} \(")
        self.assertNotIn("1006", closed["text"])
        sent = self.alice.talk("bob", "which of you is it?")
        self.assertEqual(again.wait_entry("push", "which of you")["id"], sent)
        self.assertEqual(self.bob.entries("push")[1:], [])
        again.tab.click("#leave")
        self.assertRegex(again.wait_state("offline"), r"^closed 1000 \(normal\)")
        self.expect_quiet_console()

    def test_3_a_wrong_account_is_told_why(self):
        self.alice.tab.click("#leave")
        self.alice.wait_state("offline")
        self.alice.tab.type("#account", "a,b")
        self.alice.tab.click("#connect")
        self.assertIn("without commas", self.alice.wait_state("failed"))
        self.browser.console()  # Chromium complains of the answer 400.

    def test_4_foreign_pages_and_names_are_refused(self):
        site = ForeignSite()
        self.addCleanup(site.stop)
        url = f"ws://127.0.0.1:{self.ws_port}/"
        tab = self.browser.new_tab()
        tab.open(site.url)
        self.assertEqual(connect_from(tab, url), 1006)
        read = ("const [url, done] = arguments;"
                "fetch(url).then((r) => r.text()).then(done, () => done('refused'));")
        self.assertEqual(tab.run_async(read, f"{self.page}/token?account=alice"), "refused")
        tab.open("data:text/html,<title>nobody's</title>")
        self.assertEqual(connect_from(tab, url), 1006)
        # The page itself by its other name may.
        tab.open(self.page.replace("127.0.0.1", "localhost"))
        self.assertEqual(connect_from(tab, url), "open")

        own = f"127.0.0.1:{self.admin_port}"
        foreign = f"evil.example:{self.admin_port}"
        status, body = self.get("/try/token?account=alice", own)
        self.assertEqual(status, 200)
        self.assertIn("token", json.loads(body))
        self.assertEqual(json.loads(self.get("/try/config.json", own)[1]),
                         {"ws": [url], "development": True})
        for path in ("/try", "/try/config.json", "/try/token?account=alice"):
            status, body = self.get(path, foreign)
            self.assertEqual(status, 403, path)
            self.assertNotIn('"token"', body)
        self.assertEqual(self.get("/health", foreign)[0], 200)
        self.browser.console()  # Chromium says what it was refused.

    def test_5_the_end_of_the_gateway_is_told(self):
        carol = Person(self.browser.new_tab(), self.page, "carol")
        carol.tab.open(f"{self.page}?account=carol&login=1")
        carol.wait_state("online")
        self.assertEqual(self.gateway.terminate(), 0)
        self.assertIn("closed 1001 (going away)", carol.wait_state("failed"))
        carol.tab.click("#connect")  # Its token would come from the gateway as well.
        carol.wait_entry("error", "")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    unittest.main(argv=sys.argv[:1], failfast=True)
