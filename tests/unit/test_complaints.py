"""Whatever a form asks for by a pattern is said in words where it is missing: nobody reads a pattern."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dialer.campaign_form import CampaignForm
from dialer.complaints import IN_WORDS

DESCRIPTION = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text())


def patterns(schema: Any) -> Iterator[str]:
    """Of values and of the names in an object; not of headers, which are judged elsewhere."""
    if isinstance(schema, dict) and schema.get("in") != "header":
        yield from (one for one in [schema.get("pattern")] if isinstance(one, str))
        yield from schema.get("patternProperties", {})
        for part in schema.values():
            yield from patterns(part)
    if isinstance(schema, list):
        for part in schema:
            yield from patterns(part)


def test_every_pattern_of_the_api_and_of_a_campaign_has_its_words() -> None:
    asked = {*patterns(DESCRIPTION), *patterns(CampaignForm.model_json_schema())}
    assert len(asked) > 15
    assert asked - IN_WORDS.keys() == set()
