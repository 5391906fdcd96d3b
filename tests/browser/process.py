"""Processes that a test starts: a gateway, a browser's driver. They end with the test."""

import atexit
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import threading

from webdriver import wait_for


def kill_session(leader):
    """Ends all processes of a session: a browser has another group than its driver, and outlives it
    unless it is told to quit."""
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            # "pid (name) state ppid pgrp session ...", and the name may hold anything.
            if int(stat.read_text().rpartition(")")[2].split()[3]) == leader:
                os.kill(int(stat.parent.name), signal.SIGKILL)


class Process:
    """A process with a session of its own, whose output is read as it comes."""

    def __init__(self, *command):
        self._lines = []
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                         text=True, start_new_session=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        atexit.register(self.stop)  # for when a signal or an error ends the test before its cleanup

    def _read(self):
        for line in self._process.stdout:
            self._lines.append(line)

    def output(self):
        return "".join(self._lines)

    def wait_match(self, pattern):
        """The first group of the first match in what it prints."""
        def find():
            if self._process.poll() is not None:
                raise AssertionError(f"it ended early:\n{self.output()}")
            return re.search(pattern, self.output())
        return wait_for(f"{pattern} of {self._process.args[0]}", find).group(1)

    def terminate(self):
        """The exit code after SIGTERM."""
        self._process.terminate()
        return self._process.wait(timeout=20)

    def stop(self):
        atexit.unregister(self.stop)
        kill_session(self._process.pid)  # Reaped only afterwards, so that the id is still its own.
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()
