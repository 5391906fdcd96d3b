"""The plan of faults. The seed decides all of it before anything is started, so that it can be had again."""

import random
from dataclasses import dataclass

GATEWAYS = ("gateway1", "gateway2")
CHATS = ("chat1", "chat2", "chat3")
LOGIN = "login1"
SERVICES = (*CHATS, LOGIN)
PROCESSES = (*GATEWAYS, *SERVICES)

# Ways through the proxy; cluster.py has a listener of each name.
CLIENT_WAYS = tuple(f"{transport}>{gateway}" for gateway in GATEWAYS for transport in ("tcp", "ws"))
LINK_WAYS = tuple(f"links>{service}" for service in SERVICES)
STORE_WAYS = tuple(f"{service}>redis" for service in SERVICES) + tuple(f"{chat}>postgres" for chat in CHATS)
CONSUL_WAYS = tuple(f"{process}>consul" for process in PROCESSES)
FRAMED_WAYS = tuple(way for way in (*CLIENT_WAYS, *LINK_WAYS) if not way.startswith("ws"))
ALL_WAYS = (*CLIENT_WAYS, *CLIENT_WAYS, *LINK_WAYS, *LINK_WAYS, *STORE_WAYS, *CONSUL_WAYS)  # those of messages oftener

QUIET_S = 2  # before the first fault
GAPS_S = (0.3, 1.3)  # between the begins of two


@dataclass(frozen=True)
class Kind:
    name: str
    targets: tuple
    lasts_s: tuple  # from, to; (0, 0): it is over as soon as it is done
    weight: int = 1


# Ways carry several faults one after another, never two at a time; so do processes.
KINDS = (
    Kind("delay", ALL_WAYS, (1, 4), 3),
    Kind("throttle", (*CLIENT_WAYS, *LINK_WAYS), (1, 4), 2),
    Kind("hold", ALL_WAYS, (0.3, 3), 3),
    Kind("half-open", ALL_WAYS, (1, 4), 3),
    Kind("cut", ALL_WAYS, (0, 0), 3),
    Kind("refuse", ALL_WAYS, (0.5, 3), 2),
    Kind("garbage", FRAMED_WAYS, (0, 0), 2),
    Kind("flip", CLIENT_WAYS, (0, 0), 1),
    Kind("kill", PROCESSES, (0.2, 3), 3),
    Kind("stop", PROCESSES, (0.3, 4), 3),
    Kind("drain", PROCESSES, (0.2, 2), 2),
    Kind("takeover", GATEWAYS, (0, 0), 2),
    Kind("evacuate", GATEWAYS, (0, 0)),
    Kind("reload", PROCESSES, (0, 0)),
    Kind("redis-lost", ("redis",), (0.1, 2)),
    Kind("redis-stopped", ("redis",), (0.3, 3)),
    Kind("postgres-killed", ("postgres",), (0.1, 2)),
    Kind("postgres-stopped", ("postgres",), (0.3, 3)),
    Kind("consul-lost", ("consul",), (0.3, 3)),
    Kind("consul-stopped", ("consul",), (0.5, 4)),
)


@dataclass(frozen=True)
class Fault:
    number: int
    at: float  # seconds after the plan begins
    kind: str
    target: str
    lasts: float
    seed: int  # for what the fault itself draws

    def __str__(self):
        lasting = f" for {self.lasts:.1f} s" if self.lasts else ""
        return f"#{self.number} {self.kind} {self.target}{lasting}"


# How long what has no end of its own may take at most: for that long its target gets nothing else.
TAKES_S = {"takeover": 6, "drain": 6, "kill": 1, "flip": 3}


def make_plan(seed, seconds):
    """A list of Fault, by time. Every kind comes once before one comes twice."""
    draw = random.Random(f"plan {seed}")
    plan, bag, busy_until = [], [], {}
    at = QUIET_S + draw.uniform(0, 1)
    while at < seconds:
        if not bag:
            bag = [kind for kind in KINDS for _ in range(kind.weight)]
            draw.shuffle(bag)
            bag = first_ones_first(bag)
        possible = [kind for kind in bag if free_targets(kind, busy_until, at)]
        if possible:
            kind = possible[0]
            bag.remove(kind)
            lasts = draw.uniform(*kind.lasts_s)
            target = draw.choice(free_targets(kind, busy_until, at))
            if at + lasts + 0.5 <= seconds:
                busy_until[target] = at + lasts + TAKES_S.get(kind.name, 0) + 0.5
                plan.append(Fault(len(plan) + 1, at, kind.name, target, lasts, draw.getrandbits(32)))
        at += draw.uniform(*GAPS_S)
    return plan


def free_targets(kind, busy_until, at):
    return [target for target in kind.targets if busy_until.get(target, 0) <= at]


def first_ones_first(bag):
    """The same kinds, but one of each comes before a second one of any."""
    seen, first, rest = set(), [], []
    for kind in bag:
        (rest if kind.name in seen else first).append(kind)
        seen.add(kind.name)
    return first + rest
