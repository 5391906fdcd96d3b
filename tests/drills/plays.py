"""All drills."""

from . import around, changing, enduring, leaving, losing, starting

__all__ = ["around", "changing", "enduring", "leaving", "losing", "starting"]
