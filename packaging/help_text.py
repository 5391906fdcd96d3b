"""What the programs say with --help, taken apart: man pages and completions are made of it, so they cannot say
anything else."""

import dataclasses
import re
import subprocess

COLUMN = 30  # where CLI11 begins the text of an option
OF_FLAGS = re.compile(r"\s(REQUIRED|Excludes:|Needs:|\(Env:)")


@dataclasses.dataclass
class Option:
    names: list  # ["-c", "--config"]; of a positional its name
    value: str  # "FILE", or nothing for a flag
    notes: str  # "REQUIRED Excludes: --tcp"
    text: str

    @property
    def choices(self):
        found = re.search(r"\{([^}]*,[^}]*)\}", self.value)
        return found.group(1).split(",") if found else []

    @property
    def is_file(self):
        return bool(re.fullmatch(r"FILE|PATH|FOLDER", self.value)) or bool(
            re.search(r"-(file|cert|key|ca|json|html|mix|data)$", self.names[-1]))


@dataclasses.dataclass
class Command:
    words: list  # ["ringgate", "store", "check"]
    text: str = ""
    usage: str = ""
    positionals: list = dataclasses.field(default_factory=list)
    options: list = dataclasses.field(default_factory=list)
    commands: list = dataclasses.field(default_factory=list)
    names: list = dataclasses.field(default_factory=list)  # (name, text) of `commands`
    rest: list = dataclasses.field(default_factory=list)  # lines behind all that

    @property
    def title(self):
        return "-".join(self.words)

    def all(self):
        yield self
        for command in self.commands:
            yield from command.all()


def parse_head(head, is_option):
    found = OF_FLAGS.search(" " + head)
    notes = head[found.start():].strip() if found else ""
    head = head[:found.start()].strip() if found else head
    first, _, value = head.partition(" ")
    if not is_option:
        return Option([first.split(":")[0]], value, notes, "")
    return Option([re.sub(r"\{.*\}", "", name) for name in first.split(",")],
                  re.sub(r"=.*", "", value).replace(" ...", ""), notes, "")


def default_of(head):
    found = re.search(r"=([^\s]+)", OF_FLAGS.split(" " + head)[0])
    return f" [{found.group(1)}]" if found else ""


def entries(lines):
    """(head, text) of each entry of a section, whose text is beside the head or below it."""
    found = []
    lines = [*lines, ""]
    for line, below in zip(lines, lines[1:]):
        line = re.sub(r"^  (?=  -)", "", line)  # of a group of options
        if line.startswith(" " * COLUMN):
            found[-1][1].append(line.strip())
        elif line.strip():
            head, text = line.strip(), ""
            is_full = below.startswith(" " * COLUMN)
            if not is_full and len(line) > COLUMN and line[COLUMN - 1] == " " and line[COLUMN] != " ":
                head, text = line[:COLUMN].strip(), line[COLUMN:].strip()
            found.append((head, [text] if text else []))
    return [(head, " ".join(text)) for head, text in found]


def parse(words, help_text):
    command = Command(list(words))
    section, sections = "text", {"text": []}
    for line in help_text.splitlines():
        if line.startswith("Usage: "):
            command.usage, section = line[len("Usage: "):], "between"
            sections[section] = []
        elif line.strip() in ("Positionals:", "Options:", "Subcommands:") and section != "rest":
            section = line.strip()
            sections.setdefault(section, [])
        elif section in ("Positionals:", "Options:", "Subcommands:", "between"):
            if line.startswith(" ") and "[Exactly" not in line and not re.match(r"  \S.* $", line):
                sections[section].append(line)
            elif line.strip() and not line.startswith(("[Option Group", " ")):
                section = "rest"
                sections[section] = [line]
        else:
            sections[section].append(line)
    command.text = " ".join(sections["text"]).strip()
    for name, to in (("Positionals:", command.positionals), ("Options:", command.options)):
        for head, text in entries(sections.get(name, [])):
            option = parse_head(head, name == "Options:")
            option.text = text + default_of(head)
            to.append(option)
    command.names = [(head, text) for head, text in entries(sections.get("Subcommands:", []))]
    command.rest = sections.get("rest", [])
    return command


def ask(program, words):
    """The command, and those below it."""
    said = subprocess.run([str(program), *words[1:], "--help"], capture_output=True, text=True, timeout=30,
                          check=True).stdout
    command = parse(words, said)
    command.commands = [ask(program, [*words, name]) for name, _ in command.names]
    return command
