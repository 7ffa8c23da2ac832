"""Whoever writes a campaign finds every field of it in the pages about campaigns and calls."""

import re
from pathlib import Path
from typing import Any

import pytest

from dialer.call_form import CallForm
from dialer.campaign_form import CampaignForm
from dialer.caps import PRESETS

ROOT = Path(__file__).resolve().parents[2]
PAGES = "\n".join((ROOT / "docs" / name).read_text() for name in ("campaigns.md", "calls.md"))
WORDS = set(re.findall(r"[a-z_]+", "\n".join(re.findall(r"```.*?```|`[^`]+`", PAGES, re.DOTALL))))


def _fields() -> list[str]:
    """Of the form and of all its parts."""
    schemas: list[dict[str, Any]] = [form.model_json_schema() for form in (CampaignForm, CallForm)]
    parts = [part for schema in schemas for part in (schema, *schema.get("$defs", {}).values())]
    return sorted({name for part in parts for name in part.get("properties", {})})


@pytest.mark.parametrize("field", _fields())
def test_every_field_of_a_campaign_is_in_the_pages_about_it(field: str) -> None:
    assert field in WORDS


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_of_a_cap_is_there(preset: str) -> None:
    assert f"`{preset}`" in PAGES
