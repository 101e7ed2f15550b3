"""Random numbers that are the same on every machine and under every version of numpy.

Only two things of numpy are used whose output is frozen by its compatibility policy (NEP 19): `SeedSequence` and the raw
64-bit output of the `Philox` bit generator. Numbers are made from that output with integer arithmetic here.
"""

import zlib

import numpy as np
from numpy.typing import NDArray


def _sequence(seed: int, names: tuple[str, ...]) -> np.random.SeedSequence:
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, got seed={seed}. Use a non-negative integer.")
    return np.random.SeedSequence([seed, *(zlib.crc32(name.encode()) for name in names)])


def derive(seed: int, *names: str) -> int:
    """Gives a 63-bit seed for one named purpose, so that purposes never share random numbers.

    Example:
        >>> derive(0, "order") == derive(0, "dropout")
        False
    """
    return int(_sequence(seed, names).generate_state(1, np.uint64)[0] >> np.uint64(1))


class Stream:
    """A stream of random numbers for one named purpose.

    Example:
        >>> Stream(0, "layout").integers(1, 20, (2, 3))
        array([[20,  3,  7],
               [12, 11,  7]])
    """

    def __init__(self, seed: int, *names: str) -> None:
        self._bits = np.random.Philox(_sequence(seed, names))

    def _raw(self, shape: tuple[int, ...]) -> NDArray[np.uint64]:
        return np.asarray(self._bits.random_raw(int(np.prod(shape))), dtype=np.uint64).reshape(shape)

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """Draws integers uniform on low..high, both included; high - low < 2**32 (bias below 2**-32 of a share)."""
        span = np.uint64(high - low + 1)
        return ((self._raw(shape) >> np.uint64(32)) * span >> np.uint64(32)).astype(np.int64) + low

    def below(self, limits: NDArray[np.int64]) -> NDArray[np.int64]:
        """Draws one integer uniform on 0..limit-1 for each entry of `limits`."""
        high = self._raw(limits.shape) >> np.uint64(32)
        return (high * limits.astype(np.uint64) >> np.uint64(32)).astype(np.int64)

    def chance(self, probability: float, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Draws booleans that are true with the given probability."""
        return (self._raw(shape) >> np.uint64(11)).astype(np.float64) * 2.0**-53 < probability
