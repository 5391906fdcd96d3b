"""One run of ringbench, and what is taken from its JSON."""

import json
import time

from .model import Record
from .say import Trouble

LATE_US = 1000  # an open loop that is so much behind its schedule (p99) is not open
SET_UP_S = 120  # at most, the longest is of 100,000 connections


def target_of(load, running):
    path = "/" if load.scheme in ("ws", "wss") else ""
    return f"{load.scheme}://{running.addresses[load.scheme]}{path}"


def tls_flags(load):
    # The certificate is made for the run: whether it is trusted costs the server nothing.
    return ["--tls-insecure"] if load.scheme in ("tls", "wss") else []


def command(bench, load, running, round_, seconds, rate):
    """With --json and --html into the folder of results."""
    name = f"{load.name}.{round_}"
    argv = [bench.binary("ringbench"), *load.args, *tls_flags(load),
            "--target", target_of(load, running), "--pid", running.child.pid,
            "--duration", f"{seconds}s", "--warmup", bench.plan.warmup,
            # No account twice: what the one before has left behind costs nothing now.
            "--account-prefix", f"r{round_}-{load.name}-",
            "--json", bench.work / f"{name}.json"]
    if running.registry:
        argv += ["--registry-file", running.registry]
    if rate:
        argv += ["--rate", f"{rate:.0f}"]
    if round_ == 0:
        argv += ["--html", bench.out / f"{load.name}.html"]
    return argv


def errors_in(raw, forgiven):
    errors = {kind: count for kind, count in raw["errors"].items()
              if kind not in ("total", *forgiven) and isinstance(count, int) and count > 0}
    if raw["failed"] and not errors and not forgiven:
        errors["failed"] = raw["failed"]
    return errors


def times_in(latency):
    """Without those that are only known to be at least so long: messages had no answer."""
    open_ended = latency.get("at_least", ())
    times = {f"{key}_us": value for key, value in latency.items()
             if isinstance(value, (int, float)) and key not in ("count", "unanswered", *open_ended)}
    return times | {"count": latency["count"]}


def values_in(raw):
    values = {"per_second": raw["per_second"], "set_up_s": raw.get("set_up_s") or 0}
    values |= times_in(raw["latency_us"])
    if cycle := raw.get("actions", {}).get("cycle"):  # of a login: until its connection is closed
        values |= {f"cycle_{key}": value for key, value in times_in(cycle["latency_us"]).items()}
    if cpu := raw["target_cpu"]:
        values |= {"cpu_us": cpu["us_per_message"], "user_us": cpu["user_us_per_message"],
                   "busiest_thread": cpu["busiest_thread"]}
    return {key: value for key, value in values.items() if value is not None}


def flags_in(raw):
    flags = {}
    if raw["generator_is_bottleneck"]:
        flags["generator"] = 1
    if raw["target_cpu"] and raw["window_s"]:
        flags["waited"] = round(raw["target_cpu"]["waited_ns"] / 1e9 / raw["window_s"], 3)
    if raw.get("kept_rate") is False:
        flags["behind"] = 1
    lag = raw.get("schedule_lag_us")
    if lag and lag["p99"] > LATE_US:
        flags["late_us"] = lag["p99"]
    return flags


def measure(bench, children, load, running, round_, rate=0):
    """The Record. Trouble when ringbench had nothing to tell."""
    seconds = load.seconds or bench.plan.seconds
    file = bench.work / f"{load.name}.{round_}.json"
    child = children.start(f"ringbench-{load.name}",
                           command(bench, load, running, round_, seconds, rate),
                           bench.generator_cpus)
    begin = time.monotonic()
    code = child.wait(seconds + SET_UP_S)
    child.stop()
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise child.trouble(f"has measured nothing (exit code {code})") from None
    if code != 0:
        raise child.trouble(f"has ended with {code}")
    record = Record(load.name, round_, values_in(raw), errors_in(raw, load.forgives),
                    flags=flags_in(raw))
    record.values["took_s"] = round(time.monotonic() - begin, 2)
    if not record.values.get("cpu_us"):
        raise Trouble(f"{load.name}: no CPU time was read; see {file}")
    return record
