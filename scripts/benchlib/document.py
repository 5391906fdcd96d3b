"""A generated part of a page: between two markers, so that the prose around it stays.

<!-- NAME: scripts/bench writes this -->
...
<!-- end of NAME -->
"""

import os
import re

from .say import Trouble


def replaced(text, name, lines):
    """The page with other lines between the markers."""
    word = re.escape(name)
    marks = re.compile(rf"(^<!-- {word}:[^\n]*-->\n).*?(^<!-- end of {word} -->$)", re.M | re.S)
    # A function, since what is written may hold backslashes.
    page, count = marks.subn(lambda found: found[1] + "".join(f"{line}\n" for line in lines)
                             + found[2], text)
    if count != 1:
        raise Trouble(f"the markers <!-- {name}: ... --> and <!-- end of {name} --> have to be "
                      f"there once each, and are {count} times")
    return page


def write(path, name, lines):
    """Whole or not at all."""
    try:
        page = replaced(path.read_text(encoding="utf-8"), name, lines)
        beside = path.with_name(path.name + ".new")
        beside.write_text(page, encoding="utf-8")
        os.replace(beside, path)
    except OSError as error:
        raise Trouble(f"cannot write {path}: {error.strerror}") from error
    except Trouble as trouble:
        raise Trouble(f"{path}: {trouble}") from None
