"""A little of the W3C WebDriver protocol, spoken to chromedriver over HTTP."""

import base64
import json
import shutil
import time
import urllib.error
import urllib.request

PATIENCE_S = 60
ELEMENT_KEY = "element-6066-11e4-a52e-4f735466cecf"  # fixed by the standard


class WebDriverError(Exception):
    """What chromedriver answered in place of a value."""


def wait_for(what, condition):
    """Polls until `condition()` is true and returns it; an error that says `what` after a while."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {PATIENCE_S} s in vain for: {what}; last: {value!r}")
        time.sleep(0.02)


class Browser:
    """A session: one Chromium without a window, whose profile is in `profile`."""

    def __init__(self, driver_port, profile, flags=()):
        self._base = f"http://127.0.0.1:{driver_port}"
        self._http = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy
        chromium = shutil.which("chromium")
        assert chromium, "chromium is not installed: run scripts/setup"
        options = {"binary": chromium, "args": [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--window-size=900,1000", f"--user-data-dir={profile}", *flags]}
        capabilities = {"browserName": "chrome", "goog:chromeOptions": options,
                        "goog:loggingPrefs": {"browser": "ALL"}}
        session = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self._base += f"/session/{session['sessionId']}"

    def _ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data, method=method,
                                         headers={"Content-Type": "application/json"})
        try:
            with self._http.open(request, timeout=150) as reply:
                return json.load(reply)["value"]
        except urllib.error.HTTPError as error:
            raise WebDriverError(json.load(error)["value"]["message"]) from None

    def first_tab(self):
        return Tab(self, self._ask("GET", "/window"))

    def new_tab(self):
        return Tab(self, self._ask("POST", "/window/new", {"type": "tab"})["handle"])

    def console(self):
        """What the pages' consoles got since the last call."""
        return self._ask("POST", "/se/log", {"type": "browser"})

    def emulate_color(self, color):
        """What the page in front is told that somebody prefers: "light" or "dark"."""
        features = [{"name": "prefers-color-scheme", "value": color}]
        self._ask("POST", "/goog/cdp/execute", {"cmd": "Emulation.setEmulatedMedia",
                                                "params": {"features": features}})

    def quit(self):
        self._ask("DELETE", "")


class Tab:
    """One page of a browser. Every call turns the browser to it first."""

    def __init__(self, browser, handle):
        self._browser = browser
        self._handle = handle

    def _ask(self, method, path, body=None):
        self._browser._ask("POST", "/window", {"handle": self._handle})
        return self._browser._ask(method, path, body)

    def _element(self, css):
        found = self._ask("POST", "/element", {"using": "css selector", "value": css})
        return f"/element/{found[ELEMENT_KEY]}"

    def open(self, url):
        self._ask("POST", "/url", {"url": url})

    def click(self, css):
        self._ask("POST", self._element(css) + "/click", {})

    def type(self, css, text):
        element = self._element(css)
        self._ask("POST", element + "/clear", {})
        self._ask("POST", element + "/value", {"text": text})

    def run(self, script, *args):
        """The value of a JavaScript function's body in the page."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": args})

    def run_async(self, script, *args):
        """The same of one that calls its last argument with the value."""
        return self._ask("POST", "/execute/async", {"script": script, "args": args})

    def resize(self, width, height):
        self._ask("POST", "/window/rect", {"width": width, "height": height})

    def screenshot(self, path):
        path.write_bytes(base64.b64decode(self._ask("GET", "/screenshot")))
