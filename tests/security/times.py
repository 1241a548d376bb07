"""Whether the time of an answer tells of what is not said."""

TRIES = 20
"""Of each kind."""
TELLS = 0.9


def told_apart(some, others):
    """By ranks: how often a try of one kind took longer than one of the other, of all pairs.

    It is 0.5 where both take the same time, whatever the machine does besides, with a standard
    deviation of sqrt((2n + 1) / 12n²), 0.09 for 20 tries of each: 0.9 is more than four of those
    away, so 1 run in 10,000 is wrong.
    """
    pairs = [(one, other) for one in some for other in others]
    longer = sum(one > other for one, other in pairs) / len(pairs)
    return not 1 - TELLS < longer < TELLS
