"""Processes that we start. Each is known by its process id and ended by it, and by nothing else.

They run in sessions of their own, so that Ctrl-C reaches us alone and we end them in order; should
we be killed, the kernel ends them.
"""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import time

from .say import Trouble

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)
LOOK_S = 0.02


class Child:
    def __init__(self, name, argv, cpus, log):
        self.name = name
        self.log = log
        self.file = open(log, "wb")  # closed in stop()

        def prepare():
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            os.sched_setaffinity(0, cpus)

        # No threads here, so it is safe to run Python between fork and exec.
        self.process = subprocess.Popen(
            [str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=self.file,
            stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=prepare)

    @property
    def pid(self):
        return self.process.pid

    def output(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def trouble(self, what):
        last = "\n".join(self.output().splitlines()[-20:])
        return Trouble(f"{self.name} {what}; it has said:\n{last}")

    def wait_for(self, pattern, seconds=20):
        """The match, once a line of its output has one."""
        end = time.monotonic() + seconds
        while True:
            ended = self.process.poll() is not None
            if found := re.search(pattern, self.output(), re.M):
                return found
            if ended:
                raise self.trouble("has ended")
            if time.monotonic() > end:
                raise self.trouble(f"has not said '{pattern}' in {seconds} s")
            time.sleep(LOOK_S)

    def wait(self, seconds):
        """The exit code."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise self.trouble(f"has not ended in {seconds} s") from None

    def signal(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)

    def stop(self, seconds=15):
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.file.close()


class Children:
    """Started in order, stopped the other way round when the block ends."""

    def __init__(self, folder):
        self.folder = folder
        self.stack = contextlib.ExitStack()
        self.started = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()

    def start(self, name, argv, cpus):
        self.started += 1
        child = Child(name, argv, cpus, self.folder / f"{name}.{self.started}.log")
        self.stack.callback(child.stop)
        return child
