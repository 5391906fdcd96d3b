"""The rules about our documents: links lead somewhere, files that are named are there, and README.zh.md keeps step."""

import pathlib
import re

MAX_README_LINES = 149
FENCE = "```"
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
# A path of this tree, as one writes it: a file, or a folder with a slash at its end.
PATH = re.compile(r"(?:codec|dataplane|control|services|benchmarks|tests|scripts|docs)/[\w./-]*[\w/]")


def documents(root):
    """Our documents."""
    root = pathlib.Path(root)
    return sorted([*root.glob("*.md"), *(root / "docs").glob("*.md")])


def blocks(text):
    """The code blocks, fences included."""
    found, block = [], None
    for line in text.splitlines():
        if block is not None:
            block.append(line)
            if line == FENCE:
                found.append("\n".join(block))
                block = None
        elif line.startswith(FENCE):
            block = [line]
    return found


def without_blocks(text):
    for block in blocks(text):
        text = text.replace(block, "", 1)
    return text


def links(text):
    return LINK.findall(without_blocks(text))


def anchors(text):
    """What GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.*)$", without_blocks(text), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def check_links(path):
    """Yields the links of a document that lead nowhere in this tree."""
    for link in links(path.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        if not target.exists():
            yield f"{path.name}: there is no {link}"
        elif anchor and anchor not in anchors(target.read_text(encoding="utf-8")):
            yield f"{path.name}: there is no heading for {link}"


def is_there(root, name):
    """`a.*` and `a.{h,cc}` are not looked at, and commands with arguments up to the first blank."""
    path = pathlib.Path(root) / name
    return path.exists() or (not path.suffix and any(path.parent.glob(path.name + ".*")))


def check_paths(root, path):
    """Yields the files that a document names and that are not there."""
    for code in CODE.findall(without_blocks(path.read_text(encoding="utf-8"))):
        name = code.split()[0]
        if PATH.fullmatch(name) and not is_there(root, name):
            yield f"{path.name}: there is no {name}"


def check_step(one, other):
    """Yields how two READMEs in two languages are out of step: blocks, links, headings."""
    if blocks(one) != blocks(other):
        yield "the code blocks differ"
    # The first link of each leads to the other.
    if links(one)[1:] != links(other)[1:]:
        yield "the links differ"
    levels = [re.findall(r"^#+(?= )", without_blocks(text), re.M) for text in (one, other)]
    if levels[0] != levels[1]:
        yield "the headings differ"
    cells = [[re.findall(r"\d[\d,.]*", line) for line in text.splitlines() if line.startswith("|")]
             for text in (one, other)]
    if cells[0] != cells[1]:
        yield "the numbers in the tables differ"


def files_of_section(text, heading):
    """All files of the code that are named below that heading, in order: one follows the section by opening these."""
    section = text.partition(f"# {heading}\n")[2].partition("\n#")[0]
    return re.findall(r"`([\w./]+\.(?:h|cc))`", section)
