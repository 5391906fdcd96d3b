"""usage: man.py FOLDER VERSION DATE NAME=PROGRAM... Writes a man page for each command of the programs."""

import pathlib
import re
import sys

import help_text


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in text.split("\n"))


def bold(text):
    return f"\\fB{roff(text)}\\fR"


def headline(command):
    """One line for NAME: the first sentence, without its end."""
    text = command.text.removeprefix(command.words[0] + ": ")
    return re.split(r"[.:;]\s|\.$", text + " ")[0].strip()


def options_of(title, options):
    if not options:
        return []
    lines = [f".SH {title}"]
    for option in options:
        value = f" \\fI{roff(option.value)}\\fR" if option.value else ""
        lines += [".TP", ", ".join(bold(name) for name in option.names) + value, roff(option.text or "\u2014")]
        if option.notes:
            lines += [".br", f"({roff(option.notes)})"]
    return lines


def page(command, top, version, date):
    others = [c.title for c in top.all() if c is not command]
    lines = [f'.TH "{command.title.upper()}" 1 "{date}" "{top.words[0]} {version}" "User Commands"',
             ".nh", ".ad l", ".SH NAME", f"{roff(command.title)} \\- {roff(headline(command))}",
             ".SH SYNOPSIS", bold(command.usage or " ".join(command.words)), ".SH DESCRIPTION",
             roff(command.text)]
    if command.names:
        lines.append(".SH COMMANDS")
        for name, text in command.names:
            lines += [".TP", bold(name), roff(text)]
    lines += options_of("ARGUMENTS", command.positionals)
    lines += options_of("OPTIONS", command.options)
    if any(line.strip() for line in command.rest):
        lines += [".SH DETAILS", ".nf", *map(roff, command.rest), ".fi"]
    if command is top and top.words == ["ringgate"]:
        lines += [".SH FILES", ".TP", bold("/etc/ringgate/*.yaml"),
                  "A configuration for each instance of " + roff("ringgate@.service") +
                  ": ringgate@gateway reads gateway.yaml.", ".TP", bold("/etc/ringgate/secret"),
                  "What login tokens are signed with."]
    if others:
        lines += [".SH SEE ALSO", ",\n".join(f"{bold(name)}(1)" for name in sorted(others))]
    return "\n".join(lines) + "\n"


def main(folder, version, date, *programs):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for word in programs:
        name, _, program = word.partition("=")
        top = help_text.ask(program, [name])
        for command in top.all():
            (folder / f"{command.title}.1").write_text(page(command, top, version, date))


if __name__ == "__main__":
    main(*sys.argv[1:])
