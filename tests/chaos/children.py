"""Processes that we start. Each is known by its process id and ended by it, and by nothing else.

They run in sessions of their own, so that Ctrl-C reaches us alone and we end them in order; should we be killed,
the kernel ends them.
"""

import asyncio
import collections
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


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    def __init__(self, name, argv, log, user=None):
        self.name, self.log = name, log
        self.may_end = False  # an end is what somebody has asked for
        self.is_stopped = False
        as_user = {"user": user, "group": user, "extra_groups": []} if user else {}
        try:
            with open(log, "ab") as file:
                self.process = subprocess.Popen(
                    [str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                    start_new_session=True, preexec_fn=die_with_parent, cwd="/", **as_user)
        except OSError as error:
            raise Trouble(f"{name} cannot be started: {error}") from None

    @property
    def pid(self):
        return self.process.pid

    @property
    def code(self):
        """None while it runs; below 0: the signal that ended it."""
        return self.process.poll()

    def output(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def descriptors(self):
        """What they are, as text: {kind: how many}."""
        kinds = collections.Counter()
        for entry in os.scandir(f"/proc/{self.pid}/fd"):
            with contextlib.suppress(OSError):
                kinds[re.sub(r":?\[\d+\]$", "", os.readlink(entry.path))] += 1
        return ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))

    def trouble(self, what):
        return Trouble(f"{self.name} {what}; the end of {self.log}:\n" +
                       "\n".join(self.output().splitlines()[-15:]))

    def signal(self, number):
        if self.code is None:
            self.process.send_signal(number)

    def stop(self):
        self.is_stopped = True
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.is_stopped = False
        self.signal(signal.SIGCONT)

    def kill(self):
        self.may_end = True
        self.signal(signal.SIGKILL)
        self.process.wait()

    def end(self):
        """Asks for it."""
        self.may_end = True
        self.signal(signal.SIGTERM)

    async def wait(self, seconds):
        """Its exit code, or None when it has not ended by then."""
        until = time.monotonic() + seconds
        while self.code is None and time.monotonic() < until:
            await asyncio.sleep(LOOK_S)
        return self.code


async def wait_until(condition, seconds):
    """Whether it came true in that time. It may be a coroutine function."""
    until = time.monotonic() + seconds
    while True:
        met = condition()
        if asyncio.iscoroutine(met):
            met = await met
        if met:
            return True
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.05)
