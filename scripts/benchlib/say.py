"""Lines for people, on standard error, and the error that is one sentence."""

import sys


class Trouble(Exception):
    """Something could not be done; the text says what, and how to mend it."""


def say(line):
    print(f"bench: {line}", file=sys.stderr, flush=True)
