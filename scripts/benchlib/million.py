"""One gateway process with a million logged-in connections, and their heartbeats.

A ring's table holds no more connections than the limit of open files, so it takes many shards, and
as many threads of the load generator. Both ends are on this machine: so is the memory of both.
"""

import json
import math
import time

from . import document, looking, memory, servers, table
from .children import Children
from .machine import memory_bytes
from .model import Server
from .ringbench import errors_in
from .say import Trouble, say

# The kernel spreads clients over shards by a hash: some get a few hundred more than others.
PER_SHARD = 16_000
HEARTBEAT_S = 60
HELD_S = 200  # of heartbeats, more than three of each connection
CONNECTS_PER_S = 20_000
# What one takes, both ends, in kernel and user space, with something to spare.
BYTES_EACH = 12_000
BYTES_BESIDE = 2**30
LOOK_S = 1


def check_memory(connections):
    needed = connections * BYTES_EACH + BYTES_BESIDE
    free = memory_bytes("MemAvailable")
    if free < needed:
        raise Trouble(f"{connections:,} connections take about {needed / 2**30:.0f} GiB, both ends "
                      f"counted, and {free / 2**30:.1f} GiB are available: give --million a "
                      "smaller number")


def start_gateway(bench, children, connections):
    server = Server("gateway", shards=max(2, math.ceil(connections / PER_SHARD)),
                    config=("LoginWait: 60s", "LoginAnswerTimeout: 60s"), admin=True)
    return server.shards, servers.start_gateway(bench, children, "gateway", server, bench.cpus,
                                                bench.cpus)


def start_ringbench(bench, children, gateway, connections, held_s):
    return children.start(
        "ringbench-million",
        [bench.binary("ringbench"), "idle", "--target", f"tcp://{gateway.address}",
         "--connections", connections, "--threads", "0", "--heartbeat", f"{HEARTBEAT_S}s",
         "--connect-rate", CONNECTS_PER_S, "--warmup", "5s", "--duration", f"{held_s}s",
         "--drain", "30s", "--pid", gateway.child.pid, "--registry-file", gateway.registry,
         "--json", bench.out / "million.json", "--html", bench.out / "million.html"], bench.cpus)


def watch_set_up(gateway, generator, connections):
    """Seconds until all are logged in. Progress now and then."""
    begin = time.monotonic()
    told = begin
    limit_s = 120 + connections / CONNECTS_PER_S * 10
    while True:
        there = servers.metrics(gateway)["ringgate_channels"]
        now = time.monotonic()
        if there >= connections:
            return now - begin
        if generator.process.poll() is not None:
            raise generator.trouble("has ended before all were logged in")
        if now - begin > limit_s:
            raise Trouble(f"only {there:,.0f} of {connections:,} were logged in after "
                          f"{limit_s:.0f} s")
        if now - told > 5:
            told = now
            say(f"{there:,.0f} logged in")
        time.sleep(LOOK_S)


def hold(bench, children, connections, held_s=HELD_S, settle_s=HEARTBEAT_S, look=looking.rows):
    """What was measured, as one dict."""
    shards, gateway = start_gateway(bench, children, connections)
    kernel_before = memory.steady(memory.kernel_bytes)
    rss_before = memory.rss_bytes(gateway.child.pid)
    generator = start_ringbench(bench, children, gateway, connections, held_s)
    set_up_s = watch_set_up(gateway, generator, connections)
    say(f"{connections:,} logged in after {set_up_s:.0f} s; {held_s} s of heartbeats begin")
    time.sleep(settle_s)  # for what is idle to be waited for by polls
    held = {"shards": shards, "set_up_s": set_up_s,
            "kernel_bytes": memory.kernel_bytes() - kernel_before,
            "gateway_rss_bytes": memory.rss_bytes(gateway.child.pid) - rss_before,
            "ringbench_rss_bytes": memory.rss_bytes(generator.pid),
            "available_bytes": memory_bytes("MemAvailable")}
    held["looked"] = look(gateway)
    code = generator.wait(held_s + 120)
    held["raw"] = json.loads((bench.out / "million.json").read_text(encoding="utf-8"))
    if code != 0:
        raise generator.trouble(f"has ended with {code}")
    stop(gateway, held)
    return held


def stop(gateway, held):
    begin = time.monotonic()
    gateway.child.stop(120)
    held["stop_s"] = time.monotonic() - begin
    held["exit_code"] = gateway.child.process.returncode


def figures(connections, held):
    raw = held["raw"]
    cpu = raw["target_cpu"]

    def each(key):
        return f"{held[key] / connections:,.0f} B"

    return [
        ("Connections", f"{connections:,}, logged in, in one process with {held['shards']} shards"),
        ("Set-up", f"{held['set_up_s']:.0f} s, {connections / held['set_up_s']:,.0f} logins/s"),
        ("Held", f"{raw['window_s']:.0f} s, a heartbeat every {HEARTBEAT_S} s: "
                 f"{raw['per_second']:,.0f}/s"),
        ("Heartbeats", f"{raw['sent']:,} sent, {raw['answered']:,} answered"),
        ("Connections lost", f"{raw['errors']['connection_lost']:,}"),
        ("Heartbeat p99", f"{raw['latency_us']['p99'] / 1000:,.2f} ms"),
        ("Kernel memory per connection, both ends", each("kernel_bytes")),
        ("Gateway's resident memory per connection", each("gateway_rss_bytes")),
        ("ringbench's resident memory per connection", each("ringbench_rss_bytes")),
        ("Memory still available", f"{held['available_bytes'] / 2**30:.1f} GiB"),
        ("Gateway's CPU", f"{cpu['us_per_message']:.1f} µs per heartbeat, "
                          f"{100 * cpu['cpu_ns'] / 1e9 / raw['window_s']:.0f} % of one CPU"),
        *held["looked"],
        ("Stop", f"{held['stop_s']:.1f} s, exit code {held['exit_code']}"),
    ]


def run(options, bench, about, page):
    connections = options.million
    check_memory(connections)
    bench.pin_generator(False)
    with Children(bench.work) as children:
        held = hold(bench, children, connections)
    errors = errors_in(held["raw"], ())
    well = not errors and held["exit_code"] == 0
    lines = [table.about(about, ""), "",
             *table.aligned([("", ""), *figures(connections, held)]), "",
             "All held, every heartbeat answered." if well else
             "FAILED: " + ", ".join(f"{count} {kind}" for kind, count in errors.items())]
    print("\n".join(lines), flush=True)
    (bench.out / "million.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if options.json:
        options.json.write_text(json.dumps({"machine": about, **held}, indent=1), encoding="utf-8")
    if options.write:
        document.write(page, "million", lines)
        say(f"wrote {page}")
    return 0 if well else 1
