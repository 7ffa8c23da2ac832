"""How much is measured: everything, or with QUICK=1 just enough to see that a benchmark works."""

import os

QUICK = os.environ.get("QUICK", "") not in {"", "0"}

CAMPAIGNS = (2_000, 10_000) if QUICK else (10_000, 100_000, 1_000_000)
HUGE = 20_000 if QUICK else 10_000_000
EARLY = 2_000 if QUICK else 100_000  # contacts of a higher priority that are not due yet
LAPS = 2 if QUICK else 5
NAIVE_CLAIMS = 100 if QUICK else 5_000
BATCH = 200 if QUICK else 1_000
