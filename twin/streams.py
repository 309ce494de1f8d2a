"""Random streams keyed by (seed, element, purpose): adding an element changes no other element's draws."""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, element: str, purpose: str, at: int = 0) -> np.random.Generator:
    """Generator of one element's draws for one purpose.

    Parameters
    ----------
    seed : run seed
    element, purpose : what draws, and for what
    at : position (for example a tick number), so that a caller that asks by position needs no saved state

    Returns
    -------
    numpy Generator on a counter-based Philox bit generator; equal arguments give equal draws in every process
    (the key is a SHA-256 digest, never Python's salted ``hash``).

    Examples
    --------
    >>> float(stream(1, "RK01", "arrivals").random()) == float(stream(1, "RK01", "arrivals").random())
    True
    """
    digest = hashlib.sha256(f"{seed}\x00{element}\x00{purpose}".encode()).digest()
    key = np.frombuffer(digest[:16], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, at]))
