"""What a case is, and how what was seen is judged.

A case sends its steps over a connection of its own and names what has to come back: the echoed
messages and the pongs in their order, who closes, and with which code.
"""

import dataclasses
import enum
from typing import Optional

from wire import BINARY, CLOSE, CONTINUATION, PING, TEXT, close_payload


class Verdict(enum.Enum):
    OK = "OK"
    NON_STRICT = "NON-STRICT"  # allowed by RFC 6455, but later or less exact than it could be
    FAILED = "FAILED"


def shown(payload):
    return repr(payload) if len(payload) <= 24 else f"<{len(payload)} bytes>"


@dataclasses.dataclass(frozen=True)
class Message:
    payload: bytes
    binary: bool = False

    def __str__(self):
        return f"{'binary' if self.binary else 'text'} {shown(self.payload)}"


@dataclasses.dataclass(frozen=True)
class Pong:
    payload: bytes = b""

    def __str__(self):
        return f"pong {shown(self.payload)}"


# Steps. All that is sent after the server's close is left out.


@dataclasses.dataclass(frozen=True)
class Frame:
    opcode: int
    payload: bytes = b""
    fin: bool = True
    rsv: int = 0
    chop: Optional[int] = None  # bytes per write

    async def run(self, driver):
        driver.sendFrame(
            self.opcode, self.payload, fin=self.fin, rsv=self.rsv, chopsize=self.chop
        )


@dataclasses.dataclass(frozen=True)
class Bytes:
    data: bytes
    chop: Optional[int] = None

    async def run(self, driver):
        driver.sendData(self.data, chopsize=self.chop)


@dataclasses.dataclass(frozen=True)
class Fragments:
    """A whole message in frames of at most `size` bytes."""

    opcode: int
    payload: bytes
    size: int
    chop: Optional[int] = None

    async def run(self, driver):
        total = len(self.payload)
        for at in range(0, max(total, 1), self.size):
            driver.sendFrame(
                CONTINUATION if at else self.opcode,
                self.payload[at : at + self.size],
                fin=at + self.size >= total,
                chopsize=self.chop,
            )
            if at // self.size % 64 == 63:
                await driver.turn()


@dataclasses.dataclass(frozen=True)
class Seen:
    """Goes on when that many messages and pongs are there."""

    count: int

    async def run(self, driver):
        await driver.until(lambda: len(driver.events) >= self.count)


@dataclasses.dataclass(frozen=True)
class FailsHere:
    """The server knows enough to fail. One that waits for the end of the message is not strict."""

    patience_s: float = 1.0

    async def run(self, driver):
        driver.failed_early = await driver.until(lambda: False, self.patience_s)


@dataclasses.dataclass(frozen=True)
class Call:
    """Something else of the driver, as a function of it."""

    function: object

    async def run(self, driver):
        self.function(driver)


def text(payload, **options):
    return Frame(TEXT, payload.encode() if isinstance(payload, str) else payload, **options)


def binary(payload, **options):
    return Frame(BINARY, payload, **options)


def more(payload, **options):
    return Frame(CONTINUATION, payload, **options)


def ping(payload=b"", **options):
    return Frame(PING, payload, **options)


def close(code=None, reason=b"", **options):
    return Frame(CLOSE, close_payload(code, reason), **options)


class Closer(enum.Enum):
    RUNNER = "the runner, with 1000, when all that is expected has come"
    STEPS = "one of the steps"
    SERVER = "the server"


@dataclasses.dataclass(frozen=True)
class Closing:
    closer: Closer
    codes: tuple  # of the server's close frame; None is a close without a code
    lenient: tuple = ()


BY_RUNNER = Closing(Closer.RUNNER, (1000,))


def fails(*codes):
    return Closing(Closer.SERVER, codes)


def answered(*codes, lenient=()):
    return Closing(Closer.STEPS, codes, lenient)


@dataclasses.dataclass(frozen=True)
class Case:
    id: str
    name: str
    steps: list
    expect: list = dataclasses.field(default_factory=list)
    closing: Closing = BY_RUNNER
    lenient: tuple = ()  # other lists of events that are not strict, but no failure
    options: dict = dataclasses.field(default_factory=dict)  # setProtocolOptions
    session: dict = dataclasses.field(default_factory=dict)  # headers, protocols, origin
    request: object = None  # the upgrade request as Opening (driver.py), when not autobahn's
    check: object = None  # looks at the driver in the end; returns what is wrong, or None
    heavy: bool = False  # megabytes: few of these at a time


def listed(events):
    names = [str(event) for event in events[:4]] + ["…"] * (len(events) > 4)
    return f"{len(events)} events [{', '.join(names)}]"


def events_verdict(case, driver):
    if driver.events == case.expect:
        return Verdict.OK, ""
    said = f"saw {listed(driver.events)}, expected {listed(case.expect)}"
    if driver.events in case.lenient:
        return Verdict.NON_STRICT, said
    # The order of pongs among messages is the server's affair.
    if all(of_kind(driver.events, kind) == of_kind(case.expect, kind) for kind in (Message, Pong)):
        return Verdict.NON_STRICT, "pongs and messages in another order: " + said
    return Verdict.FAILED, said


def of_kind(events, kind):
    return [event for event in events if isinstance(event, kind)]


def close_verdict(case, driver):
    codes, lenient = case.closing.codes, case.closing.lenient
    if driver.server_close is None:
        how = "dropped without a close frame" if driver.is_lost else "no close frame in time"
        return Verdict.FAILED, f"{how}, expected close {codes}"
    code = driver.server_close[0]
    if code in codes:
        return Verdict.OK, ""
    return (
        Verdict.NON_STRICT if code in lenient else Verdict.FAILED
    ), f"close code {code}, expected one of {codes}"


def drop_verdict(case, driver):
    if not driver.is_lost:
        return Verdict.FAILED, "TCP connection not dropped by the server in time"
    # Nothing was under way from us, so an end by reset is a discourtesy.
    if driver.reset and case.closing.closer == Closer.RUNNER:
        return Verdict.NON_STRICT, f"ended by {driver.reset}"
    return Verdict.OK, ""


def judge(case, driver):
    """(verdict, what was seen): the worst of all that is looked at."""
    verdicts = [close_verdict(case, driver), drop_verdict(case, driver)]
    verdicts.insert(0, events_verdict(case, driver))
    if driver.violation:
        verdicts.append((Verdict.FAILED, f"the server broke a rule: {driver.violation}"))
    if driver.failed_early is False:
        verdicts.append((Verdict.NON_STRICT, "waited for the rest of the message"))
    problem = case.check and case.check(driver)
    if problem:
        verdicts.append((Verdict.FAILED, problem))
    order = list(Verdict)
    worst = max((verdict for verdict, _ in verdicts), key=order.index)
    return worst, "; ".join(said for _, said in verdicts if said)
