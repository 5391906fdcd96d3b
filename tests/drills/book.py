"""The drills: docs/operations.md has a row for each, which `scripts/drills --write` writes."""

import dataclasses
import pathlib
import re
import typing

from chaos.say import Trouble

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs/operations.md"
BEGIN, END = "<!-- drills: scripts/drills --write writes this table -->\n", "<!-- end of drills -->\n"


@dataclasses.dataclass(frozen=True)
class Drill:
    name: str
    section: str  # the heading of the page whose promise it is
    done: str  # what is done
    promise: str  # and what comes of it
    play: typing.Callable


BOOK = {}


def drill(section, done, promise):
    def enter(play):
        name = play.__name__.replace("_", "-")
        BOOK[name] = Drill(name, section, done, promise, play)
        return play
    return enter


def headings():
    text = re.sub(r"^```.*?^```$", "", PAGE.read_text(encoding="utf-8"), flags=re.M | re.S)
    return re.findall(r"^#+ (.*)$", text, re.M)


def in_order():
    """All of them, as the page has their sections. Raises Trouble where it has not."""
    there = headings()
    for one in BOOK.values():
        if one.section not in there:
            raise Trouble(f"{PAGE.name} has no section {one.section}, of the drill {one.name}")
    return {one.name: one for one in sorted(BOOK.values(), key=lambda one: there.index(one.section))}


def table():
    head = "| Drill | What is done | What comes of it |\n|---|---|---|\n"
    return head + "".join(f"| `{one.name}` | {one.done} | {one.promise} |\n" for one in in_order().values())


def written():
    """(before, the table that the page has, after)."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    there, mark, after = rest.partition(END)
    if not mark:
        raise Trouble(f"{PAGE} has no lines {BEGIN.strip()} and {END.strip()}")
    return before, there, after


def write():
    before, _, after = written()
    PAGE.write_text(before + BEGIN + table() + END + after, encoding="utf-8")
