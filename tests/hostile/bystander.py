"""Somebody else, who does one thing again and again while an attack lasts, and remembers how long it took.

In a process of its own, so that what the attack does in this one is not taken for what the gateway does.
"""

import contextlib
import multiprocessing
import os
import signal
import time

from wire import Client, Failed

fork = multiprocessing.get_context("fork")
NAMES = 200  # of newcomers: who comes again has signed out


def pings(options):
    client = Client(options, options.patience).login(f"bystander-{os.getpid()}")
    return client.ping


def logins(options):
    count = 0

    def login():
        nonlocal count
        count += 1
        began = time.monotonic()
        client = Client(options, options.patience).login(f"newcomer-{os.getpid()}-{count % NAMES}")
        took = time.monotonic() - began
        client.close()
        return took
    return login


def resident_kib(pid):
    """Memory of a process in KiB."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def p99_ms(times_s):
    times = sorted(times_s)
    return times[len(times) * 99 // 100] * 1000 if times else float("nan")


def have_own_machine(thread=0):
    """Of this process unless said otherwise. What it does waits for nobody here, as far as that may be had: it stands for
    somebody who has a machine of his own."""
    try:
        os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, thread, -10)


def stand_aside():
    """From now on this runs only in time that the gateway leaves: it stands for other machines, which take none of it. The
    kernel's own work for it still does, as it would there."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _run(pipe, options, what, every_s):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    have_own_machine()
    seen = {"times_s": [], "most_kib": 0, "failure": None}
    act = None
    while True:
        try:
            if seen["failure"] is None:
                act = act or what(options)
                seen["times_s"].append(act())
        except (OSError, Failed) as error:
            seen["failure"] = str(error)
        if options.pid:
            seen["most_kib"] = max(seen["most_kib"], resident_kib(options.pid))
        if pipe.poll(every_s):
            try:
                goes_on = pipe.recv()
                pipe.send(seen)
            except (EOFError, BrokenPipeError):
                return
            if not goes_on:
                return
            seen = {"times_s": [], "most_kib": 0, "failure": seen["failure"]}


class Bystander:
    def __init__(self, options, name, what, every_s):
        self._name = name
        self._pipe, far = fork.Pipe()
        self._process = fork.Process(target=_run, args=(far, options, what, every_s), daemon=True)
        self._process.start()
        far.close()
        self.look()  # it is there now

    def look(self, goes_on=True):
        """What it has seen since the last time: times_s, and the most memory of the gateway, most_kib. Raises what went wrong
        for it."""
        try:
            self._pipe.send(goes_on)
            seen = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise Failed(f"{self._name} of somebody else are no longer there: {error!r}") from None
        if seen["failure"] is not None:
            raise Failed(f"{self._name} of somebody else were not answered: {seen['failure']}")
        return seen

    def stop(self):
        """The last look."""
        seen = self.look(goes_on=False)
        self._process.join()
        return seen
