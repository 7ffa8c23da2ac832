"""Tells a test what a function sees."""

import importlib.util
import json
import os
import time
from typing import Any

import boto3


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    print("probed")
    if "rawPath" in event:
        time.sleep(0.1 if event["rawPath"] == "/slow" else 0)
        return {"statusCode": 200, "body": json.dumps({"path": event["rawPath"], "query": event["rawQueryString"]})}
    if "sleep" in event:
        time.sleep(event["sleep"])
    if "parameters" in event:
        found = boto3.client("ssm").get_parameters(Names=event["parameters"], WithDecryption=True)
        return {"found": len(found["Parameters"])}
    if "variable" in event:
        return {"value": os.environ.get(event["variable"])}
    return {"pid": os.getpid(), "can import": [m for m in event["modules"] if importlib.util.find_spec(m)]}
