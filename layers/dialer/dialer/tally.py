"""A tally: whether two readings saw the same things, in a memory that does not grow with them.

Everything is added to one of a thousand sums, in which whatever was added twice vanishes. A sum that is not empty in
the end holds something that only one of the two readings saw; by chance it is empty all the same once in 2**64.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

_SUMS, _WIDTH = 1024, 8
SIZE = _SUMS * _WIDTH


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Sums of digests, without a carry: adding again takes away."""

    sums: bytes = bytes(SIZE)

    def noted(self, names: Iterable[str]) -> "Tally":
        sums = bytearray(self.sums)
        for name in names:
            at, digest = _place(name)
            for offset, byte in enumerate(digest):
                sums[at + offset] ^= byte
        return Tally(sums=bytes(sums))

    def is_even(self) -> bool:
        """Whether both readings saw the same."""
        return not any(self.sums)

    def may_miss(self, name: str) -> bool:
        """Whether only one of the readings may have seen this one."""
        at, _ = _place(name)
        return any(self.sums[at : at + _WIDTH])


def _place(name: str) -> tuple[int, bytes]:
    digest = blake2b(name.encode(), digest_size=2 + _WIDTH).digest()
    return int.from_bytes(digest[:2], "big") % _SUMS * _WIDTH, digest[2:]
