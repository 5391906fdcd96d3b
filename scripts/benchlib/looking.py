"""What it costs a gateway to be looked into while it holds its connections: a scrape, a sorted list, a trace."""

import json
import pathlib
import re
import statistics
import time
import urllib.request

from .machine import read
from .say import Trouble

SCRAPES = 20
PAGES = 5
ANSWER_S = 60
SHARD_THREAD = re.compile(r"gateway\d+")  # as the group of shards names its threads
TURN = re.compile(r'ringgate_turn_seconds_bucket\{.*le="(?P<until>[^"]+)"\} (?P<count>\S+)')


def thread_cpu_ns(pid, of_shards):
    """CPU time that the threads of shards have had, or that all others have had."""
    spent = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if bool(SHARD_THREAD.fullmatch(read(task / "comm").strip())) == of_shards:
            spent += int((read(task / "schedstat").split() or ["0"])[0])
    return spent


def fetch(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=ANSWER_S) as page:
            return page.read().decode()
    except OSError as error:
        raise Trouble(f"the gateway's {path} cannot be read: {error}") from error


def turns(text):
    """{seconds, as the bucket is named: turns that took no longer}"""
    return {found["until"]: float(found["count"]) for found in TURN.finditer(text)}


def longest_turn(before, after):
    """The bucket of the longest turn between two scrapes, as text."""
    total = after["+Inf"] - before["+Inf"]
    for until, count in sorted(after.items(), key=lambda one: float(one[0])):
        if count - before[until] >= total:
            return f"at most {float(until) * 1000:g} ms" if until != "+Inf" else "longer than that"
    return "none"


def seconds_of(times, ask):
    took = []
    for _ in range(times):
        begin = time.monotonic()
        ask()
        took.append(time.monotonic() - begin)
    return statistics.median(took)


class Look:
    """One kind of page, asked for several times in a row."""

    def __init__(self, gateway, times, ask):
        pid, monitor = gateway.child.pid, gateway.monitor
        before = turns(fetch(monitor, "/metrics"))
        pages_before, shards_before = thread_cpu_ns(pid, False), thread_cpu_ns(pid, True)
        begin = time.monotonic()
        self.seconds = seconds_of(times, ask)
        self.wall_s = time.monotonic() - begin
        self.page_cpu_s = (thread_cpu_ns(pid, False) - pages_before) / times / 1e9
        self.shard_cpu_s = (thread_cpu_ns(pid, True) - shards_before) / times / 1e9
        self.turn = longest_turn(before, turns(fetch(monitor, "/metrics")))

    def beside(self, quiet_share):
        """What the shards spent on it beyond their heartbeats, per page."""
        return self.shard_cpu_s - quiet_share * self.seconds

    def text(self, quiet_share):
        return (f"{self.seconds * 1000:,.1f} ms each; {self.page_cpu_s * 1000:,.1f} ms CPU of the "
                f"page's thread, {self.beside(quiet_share) * 1000:,.1f} ms of the shards beyond "
                f"their heartbeats; longest turn of a shard {self.turn}")


def quiet(gateway):
    """(share of one CPU that the shards take for heartbeats, their longest turn)"""
    pid, monitor = gateway.child.pid, gateway.monitor
    before = turns(fetch(monitor, "/metrics"))
    spent, begin = thread_cpu_ns(pid, True), time.monotonic()
    time.sleep(10)
    share = (thread_cpu_ns(pid, True) - spent) / 1e9 / (time.monotonic() - begin)
    return share, longest_turn(before, turns(fetch(monitor, "/metrics")))


def rows(gateway):
    """[(what, figures)], measured now. The gateway's admin port is its monitor port."""
    share, turn = quiet(gateway)
    port = gateway.monitor
    listed = json.loads(fetch(port, "/channels?sort=age&limit=1"))
    account = listed["channels"][0]["account"]
    scrape = Look(gateway, SCRAPES, lambda: fetch(port, "/metrics"))
    page = Look(gateway, PAGES, lambda: fetch(port, "/channels?sort=queued&limit=100"))
    trace = Look(gateway, PAGES, lambda: fetch(port, f"/trace?account={account}&follow=0"))
    return [("Longest turn in 10 s without a look", turn),
            ("A scrape", scrape.text(share)),
            ("A sorted list of channels, 100 of them", page.text(share)),
            ("What is recorded of one account", trace.text(share))]
