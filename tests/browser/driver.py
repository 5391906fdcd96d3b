"""Starts chromedriver, which starts the browser."""

import shutil

from process import Process

TRIES = 10


def start_driver():
    """The process and its port. The caller stops it."""
    path = shutil.which("chromedriver")
    assert path, "chromedriver is not installed: run scripts/setup"
    for _ in range(TRIES):
        # Told to take any port, it takes one of ::1 and then wants the same of 127.0.0.1, which
        # somebody may have.
        driver = Process(path, "--port=0")
        try:
            return driver, int(driver.wait_match(r"started successfully on port (\d+)"))
        except AssertionError:
            driver.stop()  # and all of its output is there
            if "port not available" not in driver.output():
                raise
    raise AssertionError(f"chromedriver found no port in {TRIES} tries")
