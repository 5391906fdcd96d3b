"""The rows of the tables: the targets of the design by name, and what has none."""

from .cells import (CELLS, LIGHT_CONNECTIONS, LIGHT_RATES, MANY, MANY_RATE, MOST_RELAYED, PUSH_BODY,
                    RECEIVERS)
from .memory import CONNECTIONS
from .model import Figure, Recorded, Row
from .storm import PINGING, RATE, STORM


def of(load, key="cpu_us"):
    return lambda one: one[load][key]


def ratio(name, what, over, under, goal=None):
    return Row(name, what, (over, under), of(over), of(under), goal)


def busy(connections, forward_goal):
    n = str(connections)
    each = f"{n} connections, closed loop"
    return [
        ratio(f"ping-{n}", f"ping over bare_echo; {each}", f"ping-{n}", f"echo-{n}", 1.05),
        ratio(f"ping-ws-{n}", f"the same over WebSocket; {each}", f"ping-ws-{n}", f"echo-{n}"),
        ratio(f"forward-{n}", f"request and answer over ping, played service; {each}",
              f"forward-{n}", f"ping-{n}", forward_goal),
        ratio(f"forward-real-{n}", f"the same, real echo process; {each}", f"forward-real-{n}",
              f"ping-{n}", forward_goal),
        relayed(connections),
    ]


def relayed(connections):
    n = str(connections)
    return ratio(f"forward-relay-{n}", f"request and answer, played service, over bare_relay; {n} "
                 "connections, closed loop", f"forward-{n}", f"relay-{n}", 1.10)


def user(quick):
    alone = Row("ping-user-alone", "user space of a ping, shard_ping_bench", ("ping-alone",),
                of("ping-alone", "user_us"), unit="µs", digits=3)
    if quick:
        return [Row("ping-user", alone.what, alone.loads, alone.cost, goal=0.10, digits=3)]
    return [Row("ping-user", "user space of a ping, 512 connections, 60 s", ("ping-minute",),
                of("ping-minute", "user_us"), goal=0.10, digits=3), alone]


def many(name):
    connections, shards, _, _ = MANY[name]
    where = f"{shards} shard{'s' if shards > 1 else ''} on one CPU"
    return [ratio(f"ping-{name}", f"ping over bare_echo; {connections:,} connections, "
                  f"{MANY_RATE:,}/s, {where}", f"ping-{name}", f"echo-{name}", 0.75),
            ratio(f"ping-eager-{name}", "the same with LatencyBudget 0", f"ping-eager-{name}",
                  f"echo-{name}", 1.10),
            ratio(f"echo-gathering-{name}", "bare_echo that lets messages gather for 500 µs over "
                  "one that does not", f"echo-gathering-{name}", f"echo-{name}"),
            ratio(f"ping-gathering-{name}", "ping over that", f"ping-{name}",
                  f"echo-gathering-{name}"),
            times(f"ping-{name}-times", f"ping, {connections:,} connections, {MANY_RATE:,}/s",
                  {f"ping-{name}": "gathering", f"ping-eager-{name}": "not",
                   f"echo-{name}": "bare_echo"})]


def times(row, what, told):
    """Cost, median and late answers of loads that are compared: {load: what it is called}."""
    figures = [figure for load, label in told.items()
               for figure in (Figure(label, of(load), "µs CPU each", 1),
                              Figure("p50", of(load, "p50_us"), "µs"),
                              Figure("p99", of(load, "p99_us"), "µs"))]
    return Recorded(row, what, tuple(told), tuple(figures))


def light(name):
    """Requests at the load of a real gateway."""
    what = f"{LIGHT_CONNECTIONS:,} connections, {LIGHT_RATES[name]:,}/s"
    here, eager, relay = f"light-{name}", f"light-eager-{name}", f"light-relay-{name}"
    return [ratio(here, f"forward over the same with LatencyBudget 0; {what}", here, eager,
                  0.6 if name == "15k" else None),
            ratio(f"{here}-relay", f"forward over bare_relay; {what}", here, relay),
            ratio(f"{here}-lanes", f"forward over two shards with lanes over one shard; {what}",
                  f"light-lanes-{name}", f"light-one-{name}"),
            ratio(f"{here}-no-lanes", f"the same without lanes; {what}", f"light-no-lanes-{name}",
                  f"light-one-{name}", 1.4 if name == "30k" else None),
            times(f"{here}-times", f"forward, {what}",
                  {here: "gathering", eager: "not", relay: "bare_relay"}),
            times(f"{here}-two-times", "the same, nothing pinned",
                  {f"light-one-{name}": "one shard", f"light-lanes-{name}": "two with lanes",
                   f"light-no-lanes-{name}": "without"})]


def lanes(connections):
    n = str(connections)
    under = f"ping-2-shards-{n}"
    each = f"{n} connections, two shards, nothing pinned"
    return [ratio(f"forward-lanes-{n}", f"forward over ping; {each}", f"forward-lanes-{n}", under),
            ratio(f"forward-no-lanes-{n}", "the same without lanes", f"forward-no-lanes-{n}",
                  under)]


def push(name, fanout):
    return ratio(name, f"delivery over bare_push; {RECEIVERS:,} receivers, {fanout:,} per packet, "
                 f"{PUSH_BODY} bytes", f"push-{fanout}", f"bare-push-{fanout}", 1.05)


def tls(connections):
    n = str(connections)
    each = f"{n} connections, closed loop"
    plain, floor = f"ping-beside-{n}", f"tls-echo-{n}"
    return [
        ratio(f"tls-{n}", f"ping over TLS over plain ping; {each}", f"ping-tls-{n}", plain, 1.35),
        ratio(f"tls-floor-{n}", f"the same over bare_tls_echo; {each}", f"ping-tls-{n}", floor,
              1.10),
        ratio(f"wss-{n}", f"ping over wss over bare_tls_echo; {each}", f"ping-wss-{n}", floor),
        ratio(f"wss-lws-{n}", f"the same ping answered by libwebsockets, over ours; {each}",
              f"lws-{n}", f"ping-wss-{n}"),
        ratio(f"tls-floors-{n}", f"bare_tls_echo over bare_echo; {each}", floor,
              f"echo-beside-{n}"),
    ]


def idle_bytes(one, held="held-gateway"):
    """One bare accepted socket, what a gateway's takes beside, and the gateway's own memory."""
    gateway = one[held]
    return (one["held-pairs"]["kernel_bytes"] + gateway["kernel_bytes"]
            - one["held-bare"]["kernel_bytes"] + gateway["user_bytes"])


def memory():
    each = f"{CONNECTIONS:,} idle connections"
    return [
        Row("memory-user", f"user space of each of {each}, logged in", ("held-gateway",),
            of("held-gateway", "user_bytes"), goal=320, unit="B", digits=0),
        Row("memory-kernel", f"kernel and user space over bare_accept; {each}",
            ("held-pairs", "held-bare", "held-gateway"), idle_bytes,
            of("held-pairs", "kernel_bytes"), 1.25, "B", 0),
        Row("memory-user-wss", f"user space of each of {each}, logged in over wss",
            ("held-tls",), of("held-tls", "user_bytes"), goal=640, unit="B", digits=0),
        Row("memory-kernel-wss", f"kernel and user space over bare_accept, wss; {each}",
            ("held-pairs", "held-bare", "held-tls"), lambda one: idle_bytes(one, "held-tls"),
            of("held-pairs", "kernel_bytes"), 1.35, "B", 0),
    ]


def handshake_figures():
    """A handshake is what a login over TLS costs beyond a plain one."""
    def alone(load):
        return lambda one: one[load]["cpu_us"] - one["login-beside"]["cpu_us"]

    def figures(label, load):
        cost = alone(load)
        return (Figure(label, cost, "µs CPU each", 0),
                Figure("", lambda one: 1e6 / cost(one), "/s and core"),
                Figure("", lambda one: 100 * one["signing"]["cpu_us"] / cost(one),
                       "% of the rate of signatures"))

    return (*figures("full", "login-tls"), *figures("resumed", "login-resumed"),
            Figure("openssl speed", lambda one: 1e6 / one["signing"]["cpu_us"],
                   "signatures/s and core"))


def recorded():
    storm = "connect, log in, close; 64 at once, closed loop"

    def logins(load):
        return (Figure("", of(load, "per_second"), "logins/s"),
                Figure("gateway", of(load), "µs CPU each", 1),
                Figure("login p99", of(load, "p99_us"), "µs"),
                Figure("with the close p99", of(load, "cycle_p99_us"), "µs"))

    def times(what):
        half = f"half-{what}"
        return (Figure("at", of(half, "per_second"), "/s"), Figure("p50", of(half, "p50_us"), "µs"),
                Figure("p99", of(half, "p99_us"), "µs"), Figure("p99.9", of(half, "p999_us"), "µs"))

    return [
        Recorded("login-storm", f"{storm}; played login service", ("login-storm",),
                 logins("login-storm")),
        Recorded("login-storm-real", "the same; real login service, sessions in memory",
                 ("login-storm-real",), logins("login-storm-real")),
        *(Recorded(f"p99-{what}", f"{what}, 64 connections, open loop at half of what the closed "
                   "loop reaches", (f"most-{what}", f"half-{what}"), times(what))
          for what in ("ping", "forward")),
        Recorded("handshakes", "TLS 1.3, ECDSA with P-256, X25519: a login over TLS less a plain one",
                 ("login-beside", "login-tls", "login-resumed", "signing"), handshake_figures()),
        Recorded("tls-storm", f"pings of {PINGING:,} plain clients, {RATE:,}/s in all; then the "
                 f"same with {STORM:,} TLS handshakes at once within 5 s", ("tls-storm",),
                 (Figure("without p99", of("tls-storm", "quiet_p99_us"), "µs"),
                  Figure("with p99", of("tls-storm", "p99_us"), "µs"),
                  Figure("p99.9", of("tls-storm", "p999_us"), "µs"),
                  Figure("handshake p99", of("tls-storm", "handshake_p99_us"), "µs"))),
        Recorded("memory-rss", "growth of the gateway's resident memory per idle connection",
                 ("held-gateway",), (Figure("", of("held-gateway", "rss_bytes"), "B"),)),
    ]


def all_rows(quick):
    """In the table's order, without those that a quick run does not measure."""
    rows = [*busy(64, 1.15), *busy(512, 1.0), *tls(64), *tls(512), *user(quick), *(row for name in MANY for row in many(name)), relayed(MOST_RELAYED),
            *(row for name in LIGHT_RATES for row in light(name)),
            *lanes(64), *lanes(512), push("push-10k", RECEIVERS), push("push-10k-by-100", 100),
            *memory(), *recorded()]
    if not quick:
        return rows
    there = {load.name for cell in CELLS if cell.quick_rounds for load in cell.loads}
    return [row for row in rows if there.issuperset(row.loads)]


def needed(rows):
    """[(Cell, [Load])], of the loads whose numbers the rows take."""
    names = {name for row in rows for name in row.loads}
    picked = [(cell, [load for load in cell.loads if load.name in names]) for cell in CELLS]
    return [(cell, loads) for cell, loads in picked if loads]
