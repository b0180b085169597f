"""What a reader saw that is neither the state before a run nor the one after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def between(states: Sequence[Mapping[str, int]]) -> list[str]:
    """Compare the number of rows of each table with the first state and the last.

    Args:
        states: Rows by table, the oldest state first; a table that a state does not have is not in it.

    Returns:
        A line for each table of a state that has another number of rows than at both ends, or is not there.
    """
    ends = states[0], states[-1]
    return [
        f"state {number}: {table} has {rows.get(table)} rows"
        for number, rows in enumerate(states)
        for table in ends[0]
        if rows.get(table) not in {end[table] for end in ends}
    ]
