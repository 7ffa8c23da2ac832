"""Carrier time: a second of ringing or talking lasts `scale` real seconds."""

import asyncio
from dataclasses import dataclass


@dataclass(kw_only=True, slots=True)
class Clock:
    """What begins to sleep sleeps by the scale of that moment."""

    scale: float = 1.0

    async def sleep(self, carrier_seconds: float) -> None:
        await asyncio.sleep(carrier_seconds * self.scale)
