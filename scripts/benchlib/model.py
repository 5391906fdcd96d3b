"""What is measured, as plain values.

A Load is one run of the load generator against one server. Loads whose numbers are compared share a
Cell: its servers are started together, and its loads run one after the other, round after round, in
turning order. A Row of the table takes numbers of loads, always of the same round: its ratio is as
good as the machine was steady for a few seconds, not for an hour.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

# {load: {key: number}}, of one round
Round = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Server:
    kind: str  # gateway, or the program of a floor or of a peer: another's server
    shards: int = 1
    args: tuple[str, ...] = ()  # of a floor
    behind: str = ""  # of a floor: the program that answers it, as its --service
    services: str = "played"  # behind a gateway: played by ringbench, or real processes
    config: tuple[str, ...] = ()  # further lines of a gateway's configuration
    tls: bool = False  # a peer, or a gateway that listens to tls:// and wss:// as well
    admin: bool = False  # of a gateway: its admin port is its monitor port


@dataclass(frozen=True)
class Load:
    name: str
    server: str  # of the cell
    args: tuple[str, ...] = ()  # of ringbench, the scenario first
    seconds: int | None = None  # where it takes more than the others
    half_of: str = ""  # open loop, at half of what this load has reached in the same round
    forgives: tuple[str, ...] = ()  # kinds of errors that are none here
    scheme: str = "tcp"  # or ws, tls, wss


@dataclass(frozen=True)
class Cell:
    name: str
    servers: dict[str, Server]
    loads: tuple[Load, ...]
    pinned: bool = True  # servers on the first CPU, everything else on the second
    rounds: int | None = None  # at most so many in a full run
    quick_rounds: int = 1  # 0: not part of a quick run
    turning: bool = True  # each round begins with another load
    measure: Callable | None = None  # in place of a run of ringbench: (bench, load) -> {}


@dataclass(frozen=True)
class Row:
    """Of the table of targets: a cost, most often over a floor."""

    name: str
    what: str
    loads: tuple[str, ...]  # that it needs
    cost: Callable[[Round], float]
    floor: Callable[[Round], float] | None = None
    goal: float | None = None  # of the ratio; of the cost where there is no floor
    unit: str = "µs"
    digits: int = 2


@dataclass(frozen=True)
class Figure:
    label: str
    value: Callable[[Round], float]
    unit: str = ""
    digits: int = 0


@dataclass(frozen=True)
class Recorded:
    """Of the table of what has no target."""

    name: str
    what: str
    loads: tuple[str, ...]
    figures: tuple[Figure, ...]


@dataclass
class Record:
    """One load in one round, measured or failed."""

    load: str
    round: int
    values: dict[str, float] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    failure: str = ""  # why there are no values
    flags: dict[str, float] = field(default_factory=dict)  # see notes.py
