"""The campaign file: YAML (or JSON, which is YAML) read without guessing, so that +1212… and 08:00 stay as written."""

import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from cli.errors import Misused

EXAMPLE = Path(__file__).with_name("campaign.yaml")


class _AsWritten(yaml.SafeLoader):
    """Only `null` is not text: YAML would read +12125550100 as a number, 08:00 as 480, and `no` as false.

    The API knows which of its fields are numbers or truths, and reads them from text. A field that is given twice is a
    mistake: of the two YAML would drop the first without a word.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        lines: dict[str, int] = {}
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in lines:
                twice = f"`{key.value}` is given twice, first on line {lines[key.value]}"
                raise yaml.MarkedYAMLError(problem=twice, problem_mark=key.start_mark)
            lines[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


_AsWritten.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag == "tag:yaml.org,2002:null"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(path: Path) -> dict[str, Any]:
    """Raises Misused saying where the file is wrong."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Misused(f"{path} is not UTF-8 text.") from None
    except OSError as cause:
        raise Misused(f"{path} cannot be read: {cause.strerror}.") from None
    try:
        form = yaml.load(text, _AsWritten)  # noqa: S506  a SafeLoader that resolves less
    except yaml.MarkedYAMLError as wrong:
        at = f", line {wrong.problem_mark.line + 1}" if wrong.problem_mark else ""
        raise Misused(f"{path}{at}: {wrong.problem or 'is not YAML'}.") from None
    except yaml.YAMLError:
        raise Misused(f"{path} is not YAML text.") from None
    if not isinstance(form, dict):
        raise Misused(f"{path} holds no campaign: it should have lines such as `name: …` (`dialer campaign example`).")
    return form


def schema_in(described: dict[str, Any]) -> dict[str, Any]:
    """The JSON schema of a campaign file, taken from the API's description of itself."""
    shapes = described["components"]["schemas"]
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": shapes, **shapes["CampaignForm"]}
    schema: dict[str, Any] = json.loads(json.dumps(whole).replace("#/components/schemas/", "#/$defs/"))
    return schema
