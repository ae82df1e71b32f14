"""What a public function says to an argument that does not fit."""

import numpy as np


def whole_number(name, value, low, high=None, optional=False):
    """Raise ValueError unless `value` is an integer from `low` to `high` (or without end), or None if `optional`."""
    if optional and value is None:
        return
    right = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not right or value < low or (high is not None and value > high):
        limits = f", {low:,} or more" if high is None else f" from {low:,} to {high:,}"
        raise ValueError(f"{name}={value!r}: give a whole number{limits}{', or None' if optional else ''}.")
