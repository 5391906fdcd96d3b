"""What is told while it runs, and where: the terminal, and `events.log` in the folder of the run."""

import sys
import time


class Trouble(Exception):
    """What keeps us from running at all: for whoever started us, who can mend it."""


class Diary:
    """Times are seconds since it was made."""

    def __init__(self, folder, quiet=False):
        self.file = open(folder / "events.log", "w", encoding="utf-8", buffering=1)  # closed in close()
        self.began = time.monotonic()
        self.quiet = quiet

    def now(self):
        return time.monotonic() - self.began

    def note(self, text):
        """Into the file only."""
        self.file.write(f"{self.now():9.3f} {text}\n")

    def say(self, text):
        self.note(text)
        if not self.quiet:
            print(f"{self.now():7.1f} {text}", flush=True)

    def close(self):
        self.file.close()


def fail(text):
    print(f"chaos: {text}", file=sys.stderr)
