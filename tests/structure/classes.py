"""How many private functions the classes of a header have, and where that is said to be on purpose."""

import re

MOST_PRIVATE = 25
# Somewhere in the header, in the words of the sentence around it.
REASON = re.compile(r"\bone\s+class(?::|\s+because\b)")

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
TEXT = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'')
DIRECTIVE = re.compile(r"^\s*#[^\n]*(?:\\\n[^\n]*)*", re.M)
CLASS = re.compile(r"(?:^|\s)(class|struct)\s+(?:alignas\([^)]*\)\s*)?(\w+)[^;(){}=]*$")
ACCESS = re.compile(r"^\s*(public|protected|private)\s*:(?!:)")
# A name, or an operator's, and its parameters. What stands before a "(" may be a type with "<...>".
FUNCTION = re.compile(r"(?:~?\b\w+|operator\s*\S+?)\s*\(")
NO_FUNCTION = re.compile(r"^\s*(?:using|typedef|friend|enum|static_assert|struct|class)\b")
MACRO = re.compile(r"\b(?:ABSL_[A-Z_]+|alignas|decltype|noexcept)\s*\([^()]*\)")


def private_functions(text):
    """{class: how many}, of all classes of a header. Declarations count; so do those with a body in it."""
    text = TEXT.sub('""', COMMENT.sub("", DIRECTIVE.sub("", text)))
    found, open_classes, depth, statement = {}, [], 0, ""
    for char in text:
        own = open_classes[-1] if open_classes else None
        at_members = own is not None and depth == own["depth"]
        if char == "{":
            begins = CLASS.search(statement) if own is None or at_members else None
            depth += 1
            if begins and not begins.string.lstrip().startswith("enum"):
                kind, name = begins.groups()
                open_classes.append({"name": name, "depth": depth, "private": kind == "class"})
                found.setdefault(name, 0)
                statement = ""
            elif own is None:
                statement = ""
        elif char == "}":
            depth -= 1
            if at_members:
                open_classes.pop()
                statement = ""
            elif own is not None and depth == own["depth"] and is_function(statement):
                found[own["name"]] += own["private"]
                statement = ""
        elif char == ";":
            if at_members:
                found[own["name"]] += own["private"] and is_function(statement)
            if own is None or at_members:
                statement = ""
        elif own is None or at_members:
            statement += char
            if own is not None and (access := ACCESS.match(statement)):
                own["private"] = access[1] == "private"
                statement = ""
    return found


def is_function(statement):
    """Of a member, up to its body or its semicolon."""
    if NO_FUNCTION.match(statement):
        return False
    plain = MACRO.sub("", statement)
    plain = re.sub(r"^\s*template\s*<[^>]*>", "", plain)
    while (shorter := re.sub(r"<[^<>]*>", "", plain)) != plain:
        plain = shorter
    head = plain.partition("=")[0]
    return FUNCTION.search(head) is not None


def check_classes(path, text):
    """Yields the classes that are too large and do not say why."""
    for name, count in private_functions(text).items():
        if count > MOST_PRIVATE and not REASON.search(comments_of(text)):
            yield (f"{path}: {name} has {count} private functions, at most {MOST_PRIVATE}: make parts of it, or "
                   'say in the header why it is "one class because ..."')


def comments_of(text):
    return re.sub(r"\s*//\s*", " ", "\n".join(re.findall(r"//[^\n]*", text)))
