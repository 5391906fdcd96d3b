"""The command line of scripts/bench."""

import argparse
import pathlib
import re

MILLION = 1_000_000

ABOUT = """\
Builds the release preset and measures every target of the design beside its floor, in the same
run: loads that are compared take turns, round by round, and ratios are taken within a round. With
one shard the server has the first CPU, the load generator and the services have the second."""

MORE = """\
A run of everything takes about half an hour and writes the table of docs/performance.md; with
--quick or --only it is only printed. Numbers, the table and an HTML page for each load are left in
build/bench/<UTC time>-<commit>/.

Exit codes: 0 measured, also where a target is missed (the table says so); 1 a load failed or had
errors, or with --check a target is missed; 2 usage; 130 interrupted."""


def positive(text):
    if not re.fullmatch(r"[1-9][0-9]{0,7}", text):
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number above 0")
    return int(text)


def pattern(text):
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"'{text}' is no regular expression: {error}") from error


def parser():
    parse = argparse.ArgumentParser(
        prog="scripts/bench", description=ABOUT, epilog=MORE, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--quick", action="store_true",
                       help="short loads and few rounds: does it work, and is it about right? "
                            "Under 3 minutes after the build")
    parse.add_argument("--rounds", type=positive, metavar="N",
                       help="rounds per load (default 5, of long ones 3; quick: 1 to 3)")
    parse.add_argument("--seconds", type=positive, metavar="N",
                       help="seconds measured per load (default 5; quick: 1)")
    parse.add_argument("--only", type=pattern, metavar="REGEX", help="only targets named like this")
    parse.add_argument("--list", action="store_true", help="name the targets, and measure nothing")
    parse.add_argument("--million", type=positive, nargs="?", const=MILLION, metavar="N",
                       help="instead: hold 1,000,000 (or N) logged-in connections for some minutes")
    parse.add_argument("--sizing", action="store_true",
                       help="instead: hold 10,000, 50,000 and 200,000 for a minute each, and write the table of "
                            "docs/operations.md")
    parse.add_argument("--json", type=pathlib.Path, metavar="FILE",
                       help="write every measurement there, too")
    parse.add_argument("--write", action=argparse.BooleanOptionalAction,
                       help="write the table of docs/performance.md, or do not")
    parse.add_argument("--check", action="store_true", help="exit with 1 when a target is missed")
    parse.add_argument("--build", type=pathlib.Path, metavar="DIR",
                       help="measure what is in this build folder; nothing is built")
    return parse


def parse_options(arguments):
    """A wrong flag ends the process with 2."""
    parse = parser()
    options = parse.parse_args(arguments)
    if options.million and (options.quick or options.only):
        parse.error("--million is a run of its own: leave out --quick and --only")
    if options.sizing and (options.million or options.quick or options.only):
        parse.error("--sizing is a run of its own: leave out --million, --quick and --only")
    if options.write is None:
        whole = options.million in (None, MILLION)
        options.write = whole and not options.quick and not options.only
    return options
