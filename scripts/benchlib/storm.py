"""Two thousand TLS handshakes at once beside a thousand clients that ping: what the pings feel."""

import json
import time

from . import ringbench, servers
from .children import Children
from .model import Server
from .say import Trouble

PINGING, RATE, STORM = 1_000, 10_000, 2_000
SECONDS = 5
LIMIT_S = 120


def ping(bench, children, gateway, name):
    return children.start(
        f"ringbench-{name}",
        [bench.binary("ringbench"), "ping", "--target", f"tcp://{gateway.address}",
         "--connections", PINGING, "--rate", RATE, "--duration", f"{SECONDS}s", "--warmup", "1s",
         "--registry-file", gateway.registry, "--account-prefix", f"{name}-",
         "--json", bench.work / f"{name}.json"], bench.generator_cpus)


def times(bench, child, name):
    code = child.wait(LIMIT_S)
    try:
        raw = json.loads((bench.work / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise child.trouble(f"has measured nothing (exit code {code})") from None
    if errors := ringbench.errors_in(raw, ()):
        raise Trouble(f"{name}: clients were disturbed: {errors}")
    return raw


def storm(bench, children, gateway, name):
    """They come without a login, so that nothing but handshakes is added."""
    return children.start(
        f"ringbench-{name}",
        [bench.binary("ringbench"), "idle", "--raw", "--target",
         f"tls://{gateway.addresses['tls']}", "--tls-insecure", "--connections", STORM,
         "--heartbeat", "168h", "--warmup", "0s", "--duration", "1s", "--drain", "0s",
         "--json", bench.work / f"{name}.json"], bench.generator_cpus)


def beside(bench, _load):
    with Children(bench.work) as children:
        gateway = servers.start_gateway(
            bench, children, "gateway", Server("gateway", tls=True, config=("LoginWait: 10m",)),
            bench.cpus[:1], bench.generator_cpus)
        quiet = times(bench, ping(bench, children, gateway, "quiet"), "quiet")
        pinging = ping(bench, children, gateway, "pinging")
        time.sleep(2)  # in the midst of the window
        comers = storm(bench, children, gateway, "storm")
        disturbed = times(bench, pinging, "pinging")
        shaken = times(bench, comers, "storm")["tls"]
    if shaken["handshakes"] != STORM:
        raise Trouble(f"of {STORM} handshakes {shaken['handshakes']} were done")
    found = {f"quiet_{key}": value for key, value in ringbench.times_in(quiet["latency_us"]).items()}
    found |= ringbench.times_in(disturbed["latency_us"])
    return found | {"handshake_p99_us": shaken["p99_us"]}
