"""The template as the transform expands it, and what cfn-lint says of templates; run by SAM's own Python.

In: `{"expand": [parameters, …]}` or `{"lint": [template, …]}`. Out: a template, or what is wrong, for each of them.
"""

import copy
import json
import re
import sys
from pathlib import Path
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"
_FOLDER = re.compile(r"^( +(?:ContentUri|CodeUri): )\S+$", re.MULTILINE)


def main() -> None:
    told: dict[str, list[Any]] = json.load(sys.stdin)
    wanted = told.get("expand", [])
    packaged = yaml_parse(_FOLDER.sub(r"\1s3://bucket/key", TEMPLATE.read_text())) if wanted else {}
    answers = [transform(copy.deepcopy(packaged), given, _NoPolicies()) for given in wanted]
    json.dump(answers or [_wrong(template) for template in told.get("lint", [])], sys.stdout)


class _NoPolicies:
    """The template names none of AWS's managed policies."""

    def load(self) -> dict[str, str]:
        return {}


def _wrong(template: dict[str, Any]) -> list[str]:
    from cfnlint.api import lint
    from cfnlint.config import ManualArgs

    found = lint(json.dumps(template), config=ManualArgs(regions=["us-east-1"]))
    return [f"{match.rule.id} {match.message}" for match in found]


if __name__ == "__main__":
    main()
