"""Whether a successor would find room: a child is not ended for one that cannot start."""


def successor_fits(
    *, used_bytes: int, own_bytes: int | None, fresh_bytes: int | None, limit_bytes: int
) -> bool:
    """Say whether a fresh child would find room once this one is gone.

    Args:
        used_bytes: Of everybody, this child included.
        own_bytes: This child's part; None where nobody can tell.
        fresh_bytes: What a fresh one holds; None while that is not known.
        limit_bytes: What may be used at most.

    Returns:
        True also where it cannot be told: nothing speaks against it.
    """
    if own_bytes is None or fresh_bytes is None:
        return True
    return used_bytes - own_bytes + fresh_bytes <= limit_bytes


def fits_beside(*, used_bytes: int, fresh_bytes: int | None, limit_bytes: int) -> bool | None:
    """Say whether a fresh child would find room beside all that is there now; None = cannot be told."""
    return None if fresh_bytes is None else used_bytes + fresh_bytes <= limit_bytes
