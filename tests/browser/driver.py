"""Starts chromedriver, which starts the browser."""

import re
import shutil

from process import Process
from webdriver import wait_for

TRIES = 10


def start_driver():
    """The process and its port. The caller stops it."""
    path = shutil.which("chromedriver")
    assert path, "chromedriver is not installed: run scripts/setup"
    for _ in range(TRIES):
        # Told to take any port, it takes one of ::1 and then wants the same of 127.0.0.1, which
        # somebody may have.
        driver = Process(path, "--port=0")
        said = wait_for("chromedriver", lambda: re.search(
            r"started successfully on port (\d+)|port not available", driver.output()))
        if said.group(1):
            return driver, int(said.group(1))
        driver.stop()
    raise AssertionError(f"chromedriver found no port in {TRIES} tries")
