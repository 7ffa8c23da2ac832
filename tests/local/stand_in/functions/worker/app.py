"""Takes half a second for each message."""

import time
from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    print("worked")
    time.sleep(0.5)
    return {"batchItemFailures": []}
