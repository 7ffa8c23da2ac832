"""Chance that can be repeated: the same seed and the same words give the same fraction."""

from hashlib import blake2b


def fraction(seed: int, *words: object) -> float:
    """A number in [0, 1) that depends on nothing but its arguments."""
    written = "|".join(map(str, (seed, *words))).encode()
    return int.from_bytes(blake2b(written, digest_size=7).digest(), "big") / (1 << 56)
