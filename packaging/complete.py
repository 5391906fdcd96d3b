"""usage: complete.py FOLDER NAME=PROGRAM... Writes completions for bash (bash/NAME) and zsh (zsh/_NAME)."""

import pathlib
import sys

import help_text


def value_kind(option):
    if option.choices:
        return " ".join(option.choices)
    return "<file>" if option.is_file else "<any>"


def bash_command(command):
    """Lines of the case of one command: what may stand there, and what each flag takes."""
    words = [name for name, _ in command.names]
    words += [name for option in command.options for name in option.names if name.startswith("--")]
    words += [choice for option in command.positionals for choice in option.choices]
    lines = [f'    "{" ".join(command.words)}")', f'      words="{" ".join(words)}"']
    valued = [option for option in command.options if option.value]
    if valued:
        lines.append("      case $previous in")
        for option in valued:
            lines.append(f'        {"|".join(option.names)}) values="{value_kind(option)}" ;;')
        lines.append("      esac")
    return lines + ["      ;;"]


def bash(top):
    name = top.words[0]
    commands = list(top.all())
    below = " ".join(f'"{" ".join(command.words)}"' for command in commands)
    return "\n".join([
        f"# Completion of {name} for bash, made from its help.",
        f"_{name}() {{",
        '  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}',
        f"  local command={name} words= values= i known",
        "  COMPREPLY=()",
        "  for ((i = 1; i < COMP_CWORD; i++)); do",
        f"    for known in {below}; do",
        '      if [ "$known" = "$command ${COMP_WORDS[i]}" ]; then command=$known; break; fi',
        "    done",
        "  done",
        "  case $command in",
        *[line for command in commands for line in bash_command(command)],
        "  esac",
        "  case $values in",
        '    "") mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word") ;;',
        '    "<file>") mapfile -t COMPREPLY < <(compgen -f -- "$word"); compopt -o filenames 2>/dev/null ;;',
        '    "<any>") ;;',
        '    *) mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word") ;;',
        "  esac",
        "}",
        f"complete -F _{name} {name}", ""])


def quoted(text):
    return text.replace("\\", "\\\\").replace("'", "'\\''").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")


def zsh_option(option):
    names = option.names
    exclusive = "(" + " ".join(names) + ")"
    spelled = names[0] if len(names) == 1 else "{" + ",".join(names) + "}"
    value = ""
    if option.value:
        kind = f"({' '.join(option.choices)})" if option.choices else "_files" if option.is_file else " "
        value = f":{quoted(option.value.split(':')[0].lower())}:{kind}"
    text = f"[{quoted(option.text)}]{value}"
    return f"'{exclusive}'{spelled}'{text}'"


def zsh_function(command):
    name = "_" + "_".join(word.replace("-", "_") for word in command.words)
    lines = [f"{name}() {{"]
    arguments = [zsh_option(option) for option in command.options]
    if command.commands:
        arguments += ["'1:command:->command'", "'*::argument:->argument'"]
    for place, option in enumerate(command.positionals, 1):
        kind = f"({' '.join(option.choices)})" if option.choices else " "
        arguments.append(f"'{place}:{quoted(option.names[0])}:{kind}'")
    if command.commands:
        lines.append("  local state line context; typeset -A opt_args")
    lines.append("  _arguments -s " + " \\\n    ".join(arguments))
    if command.commands:
        lines += ["  case $state in", "    command)", "      local -a commands", "      commands=("]
        lines += [f"        '{quoted(word)}:{quoted(text)}'" for word, text in command.names]
        lines += ["      )", "      _describe command commands ;;", "    argument)", "      case $words[1] in"]
        lines += [f"        {below.words[-1]}) _{'_'.join(w.replace('-', '_') for w in below.words)} ;;"
                  for below in command.commands]
        lines += ["      esac ;;", "  esac"]
    return lines + ["}", ""]


def zsh(top):
    name = top.words[0]
    lines = [f"#compdef {name}", f"# Completion of {name} for zsh, made from its help.", ""]
    for command in top.all():
        lines += zsh_function(command)
    return "\n".join([*lines, f'_{name} "$@"', ""])


def main(folder, *programs):
    folder = pathlib.Path(folder)
    for shell in ("bash", "zsh"):
        (folder / shell).mkdir(parents=True, exist_ok=True)
    for word in programs:
        name, _, program = word.partition("=")
        top = help_text.ask(program, [name])
        (folder / "bash" / name).write_text(bash(top))
        (folder / "zsh" / f"_{name}").write_text(zsh(top))


if __name__ == "__main__":
    main(*sys.argv[1:])
