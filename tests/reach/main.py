"""scripts/reach."""

import argparse
import asyncio
import dataclasses
import pathlib
import resource
import shutil
import signal
import sys
import tempfile

from chaos.options import number
from chaos.say import Trouble
from drills.main import ROOT, check_machine

FAILED, UNUSABLE, INTERRUPTED = 1, 2, 130
SPARE_FILES = 500
ABOUT = """\
Starts login, chat, two gateways and Redis on loopback, each with the settings that it has by default, lets clients log
in, makes a fault, and says when every client that is connected is reachable again or has been closed, and when nobody
who has gone counts as online any more. One fault after the other, each with processes of its own."""
MORE = """\
During each fault a twentieth of the clients go, and as many log in again somewhere else. Who is reachable, a talk to
him tells. Times are of the fault's begin, and of the moment from which the store could serve again.

Exit codes: 0 all were reachable and nobody who has gone was online in time (--bound, --bound-back); 1 not so: the table
says where, and the folder with the logs is kept; 2 usage, or something is missing; 130 interrupted."""


@dataclasses.dataclass
class Row:
    """Seconds; None: does not apply, or not within the bound."""
    fault: str
    reached: float | None = None  # from the fault on
    reached_back: float | None = None  # from when the store is back
    closed: int = 0
    gone: float | None = None
    why: str = ""

    def text(self):
        def seconds(value):
            return "–" if value is None else f"{value:.1f} s"
        return (f"| {self.fault} | {seconds(self.reached)} | {seconds(self.reached_back)} | {self.closed} "
                f"| {seconds(self.gone)} |")


HEAD = """\
| Fault | All reachable or closed, after the fault | after the store is back | closed | Nobody who has gone is online, after the fault |
|---|---|---|---|---|"""


def parse(arguments):
    from .faults import FAULTS
    parser = argparse.ArgumentParser(prog="scripts/reach", description=ABOUT, epilog=MORE, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=number(40, 10_000, int), default=2000, metavar="N",
                        help="on both gateways together (%(default)s)")
    parser.add_argument("--only", action="append", choices=list(FAULTS), help="this fault; may be given again (all)")
    parser.add_argument("--bound", type=number(1, 3600), default=90, metavar="S",
                        help="in which all has to be well after a fault (%(default)s)")
    parser.add_argument("--bound-back", type=number(1, 3600), default=10, metavar="S",
                        help="in which all are reachable after the store is back (%(default)s)")
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "build/release/services/ringgate", metavar="FILE",
                        help="(%(default)s)")
    parser.add_argument("--keep", action="store_true", help="the folder with the logs in any case")
    return parser.parse_args(arguments)


def allow_files(clients):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < clients + SPARE_FILES:
        raise Trouble(f"{clients} clients need {clients + SPARE_FILES} open files, {hard} are allowed: ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (clients + SPARE_FILES if hard == resource.RLIM_INFINITY else hard, hard))


async def play(options, name, folder, messages):
    from drills.world import Wrong
    from .faults import FAULTS
    from .world import Reach
    where = folder / name
    where.mkdir()
    world = Reach(where, options, messages)
    row = Row(FAULTS[name].title)
    try:
        await world.begin(FAULTS[name].needs_sentinel)
        await FAULTS[name].play(world)
        await world.judge(row)
    except (Wrong, Trouble) as wrong:
        row.why = str(wrong)
    finally:
        await world.end()
    if ended := world.ended_by_themselves():
        row.why = row.why or f"{ended[0].name} ended with {ended[0].code}"
    return row


async def run(options, folder):
    from chaos.wire import load_messages
    from .faults import FAULTS
    ours = asyncio.current_task()
    for number_ in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number_, ours.cancel)
    messages = load_messages(ROOT / "codec/pkt.proto", folder)
    rows = []
    print(HEAD, flush=True)
    for name in options.only or FAULTS:
        rows.append(await play(options, name, folder, messages))
        print(rows[-1].text(), flush=True)
    return rows


def main(arguments):
    options = parse(arguments)
    folder = None
    try:
        check_machine(options)
        allow_files(options.clients)
        folder = pathlib.Path(tempfile.mkdtemp(prefix="ringgate-reach-"))
        wrong = [f"{row.fault}: {row.why}" for row in asyncio.run(run(options, folder)) if row.why]
    except (Trouble, ImportError) as trouble:
        hint = ": run scripts/setup --tests" if isinstance(trouble, ImportError) else ""
        print(f"reach: {trouble}{hint}", file=sys.stderr)
        return UNUSABLE
    except (asyncio.CancelledError, KeyboardInterrupt):
        print(f"reach: interrupted; all that it had started has ended, logs are in {folder}", file=sys.stderr)
        return INTERRUPTED
    for line in wrong:
        print(f"reach: not so: {line}")
    if wrong or options.keep:
        print(f"reach: logs are in {folder}")
    else:
        shutil.rmtree(folder)
    return FAILED if wrong else 0
