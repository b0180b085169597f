"""What an API may send, as Hypothesis makes it up."""

from __future__ import annotations

from datetime import datetime, timezone

from hypothesis import strategies as st

# The client makes text of numbers that are not finite.
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | st.integers() | st.integers(-(2**70), 2**70) | FLOATS | st.text(max_size=30)
# Lone surrogates too, which JSON can hold.
KEYS = st.text(st.characters(), max_size=20)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
TIMES = st.datetimes(
    datetime(2000, 1, 1),
    datetime(2099, 12, 31),
    timezones=st.just(timezone.utc),
)
