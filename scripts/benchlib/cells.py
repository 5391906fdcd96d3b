"""Which loads are run, and which of them together."""

from . import memory, signing, storm
from .alone import ping_alone
from .model import Cell, Load, Server

# Messages per second of the open loops over many connections: about a third of what a CPU can do.
MANY_RATE = 20_000
MANY = {"1k": (1_000, 1, 5, 2), "20k": (20_000, 2, 5, 1), "100k": (100_000, 6, 3, 0)}

# Of the open loops at the load of a real gateway, where a message is woken for alone.
LIGHT_CONNECTIONS = 1_000
LIGHT_RATES = {"15k": 15_000, "30k": 30_000, "100k": 100_000}
EAGER = ("LatencyBudget: 0us",)  # nothing gathers

RELAY = Server("bare_relay", behind="bare_relay")
MOST_RELAYED = 5_000

RECEIVERS = 10_000
PUSH_BODY = 64
# Well below what a CPU can do: a backlog would be counted as cost.
DELIVERIES_PER_SECOND = 50_000
# The gateway's pushes have a sequence of five bytes, the floor's one of one byte.
SEQUENCE_BYTES = 4


def busy(connections):
    """Closed loop, one shard: each connection waits for its answer."""
    count = ("--connections", str(connections))
    name = str(connections)
    return Cell(f"busy-{name}", {
        "echo": Server("bare_echo"),
        "gateway": Server("gateway"),
        "real": Server("gateway", services="real"),
        "relay": RELAY,
    }, (
        Load(f"echo-{name}", "echo", ("ping", "--raw", *count)),
        Load(f"relay-{name}", "relay", ("ping", "--raw", *count)),
        Load(f"ping-{name}", "gateway", ("ping", *count)),
        Load(f"ping-ws-{name}", "gateway", ("ping", *count), scheme="ws"),
        Load(f"forward-{name}", "gateway", ("forward", *count)),
        Load(f"forward-real-{name}", "real", ("forward", *count)),
    ), quick_rounds=3)


def relayed(connections):
    """A request and its answer, and the least that they take, over more connections."""
    count = ("--connections", str(connections))
    return Cell(f"relayed-{connections}", {"gateway": Server("gateway"), "relay": RELAY}, (
        Load(f"relay-{connections}", "relay", ("ping", "--raw", *count)),
        Load(f"forward-{connections}", "gateway", ("forward", *count)),
    ), quick_rounds=0)


def light(rate):
    """Open loop: requests with and without a budget to gather within, and their floor."""
    args = ("--connections", str(LIGHT_CONNECTIONS), "--rate", str(LIGHT_RATES[rate]))
    return Cell(f"light-{rate}", {
        "gateway": Server("gateway"),
        "eager": Server("gateway", config=EAGER),
        "relay": RELAY,
    }, (
        Load(f"light-{rate}", "gateway", ("forward", *args)),
        Load(f"light-eager-{rate}", "eager", ("forward", *args)),
        Load(f"light-relay-{rate}", "relay", ("ping", "--raw", *args)),
    ), rounds=3, quick_rounds=0)


def light_two(rate):
    """The same over one shard and over two, whose links have a lane for each or are at one."""
    args = ("forward", "--connections", str(LIGHT_CONNECTIONS), "--rate", str(LIGHT_RATES[rate]))
    return Cell(f"light-two-{rate}", {
        "one": Server("gateway"),
        "lanes": Server("gateway", shards=2),
        "no-lanes": Server("gateway", shards=2, config=("Lanes: false",)),
    }, (
        Load(f"light-one-{rate}", "one", args),
        Load(f"light-lanes-{rate}", "lanes", args),
        Load(f"light-no-lanes-{rate}", "no-lanes", args),
    ), rounds=3, quick_rounds=0, pinned=False)


def tls(connections):
    """The same pings with TLS around them and without, and what does it with the least."""
    count = ("--connections", str(connections))
    name = str(connections)
    return Cell(f"tls-{name}", {
        "echo": Server("bare_echo"),
        "tls-echo": Server("bare_tls_echo"),
        "gateway": Server("gateway", tls=True),
        "libwebsockets": Server("lws_tls_echo", tls=True),
    }, (
        Load(f"echo-beside-{name}", "echo", ("ping", "--raw", *count)),
        Load(f"ping-beside-{name}", "gateway", ("ping", *count)),
        Load(f"tls-echo-{name}", "tls-echo", ("ping", "--raw", *count), scheme="tls"),
        Load(f"ping-tls-{name}", "gateway", ("ping", *count), scheme="tls"),
        Load(f"ping-wss-{name}", "gateway", ("ping", *count), scheme="wss"),
        Load(f"lws-{name}", "libwebsockets", ("ping", "--raw", *count), scheme="wss"),
    ), quick_rounds=2)


def handshakes():
    """A connection, a login, a close: over TLS that is a handshake more."""
    args = ("login", "--connections", "64")
    return Cell("handshakes", {"gateway": Server("gateway", tls=True)}, (
        Load("login-beside", "gateway", args),
        Load("login-tls", "gateway", args, scheme="tls"),
        Load("login-resumed", "gateway", (*args, "--tls-resume"), scheme="tls"),
    ), rounds=3)


def lanes(connections):
    """Two shards, whose links have a lane for each of them or are at home on one."""
    count = ("--connections", str(connections))
    name = str(connections)
    return Cell(f"lanes-{name}", {
        "lanes": Server("gateway", shards=2),
        "no-lanes": Server("gateway", shards=2, config=("Lanes: false",)),
    }, (
        Load(f"ping-2-shards-{name}", "lanes", ("ping", *count)),
        Load(f"forward-lanes-{name}", "lanes", ("forward", *count)),
        Load(f"forward-no-lanes-{name}", "no-lanes", ("forward", *count)),
    ), pinned=False)


def many(name):
    """Open loop: the same number of messages, whoever answers them."""
    connections, shards, rounds, quick_rounds = MANY[name]
    rate = ("--connections", str(connections), "--rate", str(MANY_RATE), "--threads", "0")
    return Cell(f"many-{name}", {
        "echo": Server("bare_echo", shards=shards),
        "gathering": Server("bare_echo", shards=shards, args=("--gather", "500")),
        "gateway": Server("gateway", shards=shards),
        "eager": Server("gateway", shards=shards, config=EAGER),
    }, (
        Load(f"echo-{name}", "echo", ("ping", "--raw", *rate)),
        Load(f"echo-gathering-{name}", "gathering", ("ping", "--raw", *rate)),
        Load(f"ping-{name}", "gateway", ("ping", *rate)),
        Load(f"ping-eager-{name}", "eager", ("ping", *rate)),
    ), rounds=rounds, quick_rounds=quick_rounds)


def push(fanout):
    """Open loop: bare_push drives itself, and ringbench only receives."""
    rate = DELIVERIES_PER_SECOND // fanout
    count = ("--connections", str(RECEIVERS))
    floor = ("--receivers", str(RECEIVERS), "--fanout", str(fanout), "--rate", str(rate),
             "--body", str(PUSH_BODY + SEQUENCE_BYTES))
    return Cell(f"push-{fanout}", {
        "floor": Server("bare_push", args=floor),
        "gateway": Server("gateway"),
    }, (
        # Should a heartbeat be due all the same: bare_push throws it away.
        Load(f"bare-push-{fanout}", "floor", ("idle", "--raw", "--heartbeat", "168h", *count),
             forgives=("unanswered",)),
        Load(f"push-{fanout}", "gateway",
             ("push", *count, "--fanout", str(fanout), "--rate", str(rate), "--body",
              str(PUSH_BODY), "--talk-command", "chat.group.talk")),
    ))


def login_storm():
    """A connection, a login, a close, and again."""
    return Cell("login-storm", {
        "gateway": Server("gateway"),
        "real": Server("gateway", services="real"),
    }, (
        Load("login-storm", "gateway", ("login", "--connections", "64")),
        Load("login-storm-real", "real", ("login", "--connections", "64")),
    ), rounds=3)


def half_load(what):
    """What a closed loop can reach, then half of it in an open loop."""
    args = (what, "--connections", "64")
    return Cell(f"half-load-{what}", {"gateway": Server("gateway")}, (
        Load(f"most-{what}", "gateway", (*args, "--in-flight", "4")),
        Load(f"half-{what}", "gateway", args, half_of=f"most-{what}"),
    ), rounds=3, turning=False)


def minute():
    """User time is sampled by the kernel's tick: it takes many of them."""
    return Cell("ping-minute", {"gateway": Server("gateway")},
                (Load("ping-minute", "gateway", ("ping", "--connections", "512"), seconds=60),),
                rounds=1, quick_rounds=0)


def held():
    return Cell("memory", {}, tuple(Load(name, "") for name in memory.HOLDS), rounds=3,
                measure=memory.measure)


CELLS = (
    busy(64), busy(512), minute(),
    Cell("ping-alone", {}, (Load("ping-alone", ""),), rounds=1, measure=ping_alone),
    *(many(name) for name in MANY),
    relayed(MOST_RELAYED), *(light(rate) for rate in LIGHT_RATES),
    *(light_two(rate) for rate in LIGHT_RATES),
    tls(64), tls(512),
    lanes(64), lanes(512),
    push(RECEIVERS), push(100),
    held(), login_storm(), handshakes(),
    Cell("signing", {}, (Load("signing", ""),), rounds=3, measure=signing.ecdsa),
    Cell("tls-storm", {}, (Load("tls-storm", ""),), rounds=3, measure=storm.beside), half_load("ping"), half_load("forward"),
)
