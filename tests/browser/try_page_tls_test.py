"""usage: try_page_tls_test.py RINGGATE: the page /try of `ringgate dev --tls` in Chromium, over https
and wss. The browser is told the certificate of the day by its key, as a person would take it."""

import json
import re
import signal
import ssl
import sys
import tempfile
import unittest
import urllib.request

from certificate import hash_of_key
from driver import start_driver
from person import Person
from process import Process
from webdriver import Browser

RINGGATE = sys.argv[1]


class TryPageOverTls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        profile = tempfile.TemporaryDirectory(prefix="ringgate-try-", ignore_cleanup_errors=True)
        cls.addClassCleanup(profile.cleanup)
        cls.gateway = Process(RINGGATE, "dev", "--tcp", "127.0.0.1:0", "--ws", "127.0.0.1:0",
                              "--tls", "--tls-tcp", "127.0.0.1:0", "--wss", "127.0.0.1:0",
                              "--admin", "127.0.0.1:0", "--data", "memory")
        cls.addClassCleanup(cls.gateway.stop)
        cls.certificate = cls.gateway.wait_match(r"(?m)^certificate for today: (\S+),")
        cls.page = cls.gateway.wait_match(r"(?m)^admin (https://127\.0\.0\.1:\d+/try)$")
        cls.wss = "wss://" + cls.gateway.wait_match(r"(?m)^listening wss (\S+)$") + "/"
        driver, driver_port = start_driver()
        cls.addClassCleanup(driver.stop)
        trust = f"--ignore-certificate-errors-spki-list={hash_of_key(cls.certificate)}"
        cls.browser = Browser(driver_port, profile.name, [trust])
        cls.addClassCleanup(cls.browser.quit)

    def test_two_people_talk_over_wss(self):
        alice = Person(self.browser.first_tab(), self.page, "alice")
        bob = Person(self.browser.new_tab(), self.page, "bob")
        for person in (alice, bob):
            person.log_in()
            offered = person.tab.run("return [...document.querySelectorAll('#urls option')]"
                                     ".map((option) => option.value)")
            self.assertEqual(offered, [self.wss], "what the browser would refuse is not offered")
            self.assertEqual(person.tab.run("return document.getElementById('url').value"),
                             self.wss)
        sent = alice.talk("bob", "sealed")
        self.assertEqual(bob.wait_entry("push", "sealed")["id"], sent)
        self.assertEqual([entry["message"] for entry in self.browser.console()], [])

    def test_the_other_pages_are_there_for_whoever_trusts_the_certificate(self):
        trust = ssl.create_default_context(cafile=self.certificate)
        ask = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                          urllib.request.HTTPSHandler(context=trust))
        base = re.sub("/try$", "", self.page)
        with ask.open(f"{base}/health", timeout=20) as reply:
            self.assertEqual(reply.read(), b"ok")
        with ask.open(f"{base}/try/config.json", timeout=20) as reply:
            self.assertIn(self.wss, json.load(reply)["ws"])


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    unittest.main(argv=sys.argv[:1], failfast=True)
