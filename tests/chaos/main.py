"""scripts/chaos."""

import asyncio
import logging
import os
import pathlib
import shutil
import signal
import tempfile

from .options import check_machine, parse
from .plan import make_plan
from .report import report, verdict
from .say import Diary, Trouble, fail

FAILED, UNUSABLE, INTERRUPTED = 1, 2, 130


def make_folder(options):
    if options.folder:
        folder = options.folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
    else:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="ringgate-chaos-"))
    os.chmod(folder, 0o711)  # PostgreSQL, which is another user's where we are root, has to get in
    return folder


async def run(options, folder, diary):
    """Late, so that what is missing has been told by then."""
    from .world import World
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: diary.note(f"asyncio: {context}"))
    ours = asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ours.cancel)
    world = World(options, folder, diary)
    await world.run()
    return world


def finish(world, options, folder):
    print(report(world))
    print(verdict(world, folder), flush=True)
    world.ledger.dump(folder / "talks.log")
    if world.ledger.breaches:
        return FAILED
    if options.keep:
        print(f"chaos: logs are in {folder}")
    else:
        shutil.rmtree(folder)
    return 0


def main(arguments):
    options = parse(arguments)
    print(f"chaos: seed {options.seed}, {options.seconds:g} s", flush=True)
    if options.plan:
        for fault in make_plan(options.seed, options.seconds):
            print(f"{fault.at:7.1f} {fault}")
        return 0
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    folder = diary = None
    try:
        check_machine(options)
        folder = make_folder(options)
        diary = Diary(folder)
        return finish(asyncio.run(run(options, folder, diary)), options, folder)
    except (Trouble, ImportError) as trouble:
        hint = ": run scripts/setup --tests" if isinstance(trouble, ImportError) else ""
        fail(f"{trouble}{hint}" + (f"\nchaos: logs are in {folder}" if folder else ""))
        return UNUSABLE
    except asyncio.CancelledError:
        fail(f"interrupted; all that it had started has ended, logs are in {folder}")
        return INTERRUPTED
    finally:
        if diary is not None:
            diary.close()
