"""All drills."""

from . import changing, enduring, leaving, losing, starting

__all__ = ["changing", "enduring", "leaving", "losing", "starting"]
