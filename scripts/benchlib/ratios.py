"""From the records of loads to the rows of the tables: pure functions."""

import statistics
from dataclasses import dataclass

from .model import Recorded, Row


@dataclass(frozen=True)
class Spread:
    median: float
    low: float
    high: float

    @staticmethod
    def of(values):
        return Spread(statistics.median(values), min(values), max(values)) if values else None


@dataclass(frozen=True)
class Outcome:
    row: Row
    cost: Spread | None
    floor: Spread | None
    ratio: Spread | None
    verdict: str  # met, MISSED, "" without a goal, "not measured"


def by_round(records):
    """[Round], of what was measured."""
    rounds = {}
    for record in records:
        if not record.failure:
            rounds.setdefault(record.round, {})[record.load] = record.values
    return [rounds[number] for number in sorted(rounds)]


def taken(function, rounds):
    """Its value in each round that has all it asks for."""
    values = []
    for one in rounds:
        try:
            values.append(function(one))
        except KeyError:
            pass
    return values


def ratios(row, rounds):
    pairs = taken(lambda one: (row.cost(one), row.floor(one)), rounds)
    return [cost / floor for cost, floor in pairs if floor > 0]


def verdict(row, ratio, cost):
    compared = ratio if row.floor else cost
    if compared is None:
        return "not measured"
    if row.goal is None:
        return ""
    return "met" if compared.median <= row.goal else "MISSED"


def outcome(row, records):
    rounds = by_round(records)
    cost = Spread.of(taken(row.cost, rounds))
    floor = Spread.of(taken(row.floor, rounds)) if row.floor else None
    ratio = Spread.of(ratios(row, rounds)) if row.floor else None
    return Outcome(row, cost, floor, ratio, verdict(row, ratio, cost))


def outcomes(rows, records):
    """([Outcome of a Row], [(Recorded, [(Figure, Spread or None)])])"""
    rounds = by_round(records)
    targets = [outcome(row, records) for row in rows if isinstance(row, Row)]
    recorded = [(row, [(figure, Spread.of(taken(figure.value, rounds))) for figure in row.figures])
                for row in rows if isinstance(row, Recorded)]
    return targets, recorded
