"""scripts/drills."""

import argparse
import asyncio
import pathlib
import shutil
import signal
import sys
import tempfile
import textwrap
import time

from chaos.say import Trouble

FAILED, UNUSABLE, INTERRUPTED = 1, 2, 130
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MOST_S = 120  # of one drill, whatever it waits for
ABOUT = """\
Plays the drills of docs/operations.md: each starts processes of its own on loopback (ringgate, Redis, where it is about
it Consul), does to them what the page speaks of (drain, takeover, new secrets, Redis or Consul away, a zone lost, ...),
looks whether what the page promises comes true, and says what it saw."""
MORE = """\
Exit codes: 0 each did what the page says; 1 one did not: why is told, and the folder with its logs is kept; 2 usage, or
something is missing; 130 interrupted."""


def parse(arguments):
    parser = argparse.ArgumentParser(prog="scripts/drills", description=ABOUT, epilog=MORE, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", metavar="NAME", help="this drill; may be given again (all)")
    parser.add_argument("--list", action="store_true", help="say which there are, and what the page promises")
    parser.add_argument("--write", action="store_true", help="play none; write the table of docs/operations.md")
    parser.add_argument("--jobs", type=int, choices=range(1, 17), default=4, metavar="N",
                        help="so many at a time, 1 to 16 (%(default)s)")
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "build/release/services/ringgate", metavar="FILE",
                        help="the ringgate that is tried: another build's, or an installed one (%(default)s)")
    parser.add_argument("--keep", action="store_true", help="the folder with the logs in any case")
    return parser.parse_args(arguments)


def choose(book, names):
    for name in names or ():
        if name not in book:
            raise Trouble(f"there is no drill {name}; --list says which there are")
    return [book[name] for name in names or book]


def check_machine(options):
    if not options.binary.exists():
        raise Trouble(f"{options.binary} is missing: run scripts/build, or say --binary")
    for program, package in (("redis-server", "redis-server"), ("protoc", "protobuf-compiler"), ("openssl", "openssl")):
        if shutil.which(program) is None:
            raise Trouble(f"there is no {program} here: run scripts/setup --tests (package {package})")


async def play(one, options, folder, messages):
    """Why it is not as the page says, or None."""
    from .world import World, Wrong
    where = folder / one.name
    where.mkdir()
    world = World(where, options.binary.resolve(), messages, ROOT / "scripts/consul")
    began = time.monotonic()
    try:
        await asyncio.wait_for(one.play(world), MOST_S)
        ended = world.ended_by_themselves()
        why = f"{ended[0].name} ended with {ended[0].code}" if ended else None
    except asyncio.CancelledError:
        raise
    except (Wrong, Trouble) as wrong:
        why = str(wrong)
    except Exception as error:  # of a client, most of all: what it met is what was seen
        why = f"{type(error).__name__}: {error}"
    finally:
        await world.end()
    tell(one, world, why, time.monotonic() - began)
    return why


def tell(one, world, why, seconds):
    text = [f"{'no ' if why else 'yes'} {one.name}, {seconds:.1f} s: {one.done}: {one.promise}"]
    text += [f"      seen: {seen}" for seen in world.seen]
    if why:
        text.append("      NOT SO: " + textwrap.indent(why, "      ").strip())
    print("\n".join(text), flush=True)


async def run(options, drills, folder):
    from chaos.wire import load_messages
    from .world import end_all
    ours = asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ours.cancel)
    messages = load_messages(ROOT / "codec/pkt.proto", folder)
    room = asyncio.Semaphore(options.jobs)

    async def in_turn(one):
        async with room:
            return one.name, await play(one, options, folder, messages)
    plays = [asyncio.ensure_future(in_turn(one)) for one in drills]
    try:
        return dict(await asyncio.gather(*plays))
    finally:
        await end_all(plays)


def begin(options):
    """The drills to play; none where something else was asked for."""
    from . import book, plays  # noqa: F401  (they enter themselves)
    if options.write:
        book.write()
        return []
    drills = choose(book.in_order(), options.only)
    if options.list:
        for one in drills:
            print(f"{one.name} ({one.section})\n  {one.done}:\n  {one.promise}")
        return []
    check_machine(options)
    return drills


def finish(outcome, options, folder):
    failed = [name for name, why in outcome.items() if why]
    if failed or options.keep:
        print(f"drills: logs are in {folder}")
    else:
        shutil.rmtree(folder)
    print(f"drills: {len(outcome) - len(failed)} of {len(outcome)} do what the page says" +
          (f"; not {', '.join(failed)}" if failed else ""))
    return FAILED if failed else 0


def main(arguments):
    options = parse(arguments)
    try:
        drills = begin(options)
        if not drills:
            return 0
        folder = pathlib.Path(tempfile.mkdtemp(prefix="ringgate-drills-"))
        return finish(asyncio.run(run(options, drills, folder)), options, folder)
    except (Trouble, ImportError) as trouble:
        hint = ": run scripts/setup --tests" if isinstance(trouble, ImportError) else ""
        print(f"drills: {trouble}{hint}", file=sys.stderr)
        return UNUSABLE
    except (asyncio.CancelledError, KeyboardInterrupt):
        print(f"drills: interrupted; all that it had started has ended, logs are in {folder}", file=sys.stderr)
        return INTERRUPTED
