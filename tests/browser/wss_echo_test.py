"""usage: wss_echo_test.py RINGGATE: Chromium over wss to `ringgate dev --tls`, which has a certificate for the day.

Real processes only: the gateway, chromedriver and the browser that it starts. All of them end with
the test, whatever becomes of it.
"""

import sys
import tempfile
import unittest

from certificate import hash_of_key
from driver import start_driver
from process import Process
from webdriver import Browser, WebDriverError

RINGGATE = sys.argv[1]
PING = [0xC3, 0x15, 0xA7, 0x65, 0, 1, 0, 0]
PONG = [0xC3, 0x15, 0xA7, 0x65, 0, 2, 0, 0]

# Sends so many messages, each when its answer is there: what came, or why it ended.
ECHO = """
const [url, message, count, done] = arguments;
const got = [];
const socket = new WebSocket(url);
socket.binaryType = 'arraybuffer';
const send = () => socket.send(new Uint8Array(message));
socket.onopen = send;
socket.onmessage = (event) => {
  got.push([...new Uint8Array(event.data)]);
  if (got.length < count) send(); else socket.close();
};
socket.onclose = (event) => done({got, clean: event.wasClean, code: event.code});
"""


class WssEcho(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dev = Process(RINGGATE, "dev", "--shards", "1", "--data", "memory", "--tls",
                          "--tcp", "127.0.0.1:0", "--ws", "127.0.0.1:0", "--admin", "127.0.0.1:0",
                          "--tls-tcp", "127.0.0.1:0", "--wss", "127.0.0.1:0")
        cls.addClassCleanup(cls.dev.stop)
        cls.certificate = cls.dev.wait_match(r"certificate for today: (\S+),")
        port = cls.dev.wait_match(r"listening wss \S+:(\d+)")
        # Of the gateway's own page: Chromium lets no strange site connect to this machine.
        cls.page = cls.dev.wait_match(r"admin (http\S+)")
        cls.url = f"wss://localhost:{port}/"
        cls.driver, cls.driver_port = start_driver()
        cls.addClassCleanup(cls.driver.stop)

    def echo(self, count, *flags):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            browser = Browser(self.driver_port, profile, flags)
            try:
                tab = browser.first_tab()
                tab.open(self.page)
                return tab.run_async(ECHO, self.url, PING, count)
            except WebDriverError as refused:  # the page itself, where it comes over https
                return {"got": [], "why": str(refused)}
            finally:
                browser.quit()

    def test_whoever_trusts_the_key_is_answered(self):
        trust = f"--ignore-certificate-errors-spki-list={hash_of_key(self.certificate)}"
        self.assertEqual(self.echo(50, trust), {"got": [PONG] * 50, "clean": True, "code": 1005})

    def test_whoever_does_not_is_not(self):
        self.assertEqual(self.echo(1)["got"], [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
