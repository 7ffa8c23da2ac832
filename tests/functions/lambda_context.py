"""A Lambda context as AWS's runtime hands it in, whose time runs out."""

import time
from dataclasses import dataclass, field
from uuid import uuid4


@dataclass(kw_only=True)
class LambdaContext:
    function_name: str
    timeout: float = 30.0
    memory_limit_in_mb: int = 512
    function_version: str = "$LATEST"
    aws_request_id: str = field(default_factory=lambda: str(uuid4()))
    began: float = field(default_factory=time.monotonic)

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:us-east-1:123456789012:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int(1000 * (self.began + self.timeout - time.monotonic())))
