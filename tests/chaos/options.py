"""The command line, and whether all is there that a run takes."""

import argparse
import pathlib
import random
import shutil

from .say import Trouble
from .stores import postgres_programs

BOUND_S = 60
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ABOUT = """\
A whole cluster on loopback (two gateways, three chats, a login, Consul, Redis, PostgreSQL), clients that talk, and
faults: a proxy between all of them delays, throttles, holds, cuts, half-opens and spoils connections; processes are
killed, stopped, drained and taken over; Redis loses its data, Consul its registrations. A ledger has every request
and every talk, and says what was broken. docs/chaos.md says what is checked."""
MORE = """\
The seed decides the whole plan of faults and what clients want to say; when bytes arrive it does not decide, so
what a run finds may take several runs with its seed to be found again.

Exit codes: 0 nothing was broken; 1 something was: it is told, and the folder with logs and the ledger is kept;
2 usage, or something that a run takes is missing; 130 interrupted."""


def number(least, most, kind=float):
    def read(text):
        value = kind(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least} and {most}")
        return value
    return read


def parse(arguments):
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=ABOUT, epilog=MORE, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=number(5, 86400), default=60, metavar="N",
                        help="how long there are faults; a minute or two comes on top (%(default)s)")
    parser.add_argument("--seed", type=int, help="of the plan and of what clients say (drawn, and printed)")
    parser.add_argument("--clients", type=number(6, 500, int), default=24, metavar="N",
                        help="accounts, a third of them over WebSocket (%(default)s)")
    parser.add_argument("--rate", type=number(1, 5000), default=150, metavar="N",
                        help="requests a second, of all clients together (%(default)s)")
    parser.add_argument("--bound", type=number(10, 600), default=BOUND_S, metavar="S",
                        help="seconds in which everybody has to be heard after the last fault; longer for a slow "
                             "machine, as the other bounds are then (%(default)s)")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release", metavar="FOLDER",
                        help="(%(default)s)")
    parser.add_argument("--folder", type=pathlib.Path, metavar="FOLDER",
                        help="for logs and stores, empty or new (one in /tmp, removed when nothing was broken)")
    parser.add_argument("--keep", action="store_true", help="the folder in any case")
    parser.add_argument("--log-level", choices=("info", "debug"), default="info", help="of our processes (%(default)s)")
    parser.add_argument("--plan", action="store_true", help="only print the plan of that seed and length")
    options = parser.parse_args(arguments)
    if options.seed is None:
        options.seed = random.randrange(1_000_000)
    options.build = options.build.resolve()
    return options


def check_machine(options):
    """Raises Trouble for what is missing."""
    if not (options.build / "services/ringgate").exists():
        raise Trouble(f"{options.build / 'services/ringgate'} is missing: run scripts/build, or say --build")
    for program, package in (("redis-server", "redis-server"), ("protoc", "protobuf-compiler")):
        if shutil.which(program) is None:
            raise Trouble(f"there is no {program} here: run scripts/setup --tests (package {package})")
    if postgres_programs() is None:
        raise Trouble("there is no PostgreSQL here: run scripts/setup --tests (package postgresql)")
    if options.folder and options.folder.exists() and any(options.folder.iterdir()):
        raise Trouble(f"{options.folder} is not empty")
