"""The campaign file: what is written in it is what is sent, and nothing of it is lost."""

import json
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from cli.campaign_file import EXAMPLE, read, schema_in
from cli.errors import Misused

ROOT = Path(__file__).resolve().parents[2]


def a_file(folder: Path, content: str) -> Path:
    path = folder / "campaign.yaml"
    path.write_text(content)
    return path


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("caps: [reg-f]\nname: Ann\ncaps: []\n", "line 3: `caps` is given twice, first on line 1."),
        ("call:\n  say: Hello\n  'say': Bye\n", "line 3: `say` is given twice, first on line 2."),
        ("caps:\n- {most: 3, within_h: 24, most: 7}\n", "line 2: `most` is given twice, first on line 2."),
        ('{"name": "Ann",\n "name": "Bob"}', "line 2: `name` is given twice, first on line 1."),
    ],
)
def test_a_field_that_is_given_twice_is_refused_with_its_line(tmp_path: Path, content: str, wrong: str) -> None:
    path = a_file(tmp_path, content)
    with pytest.raises(Misused) as refused:
        read(path)
    assert str(refused.value) == f"{path}, {wrong}"


def test_one_name_at_two_places_is_no_mistake(tmp_path: Path) -> None:
    path = a_file(tmp_path, "name: Ann\ncall:\n  say: &words Hello\n  repeat: *words\ncaller: {name: x}\n")
    assert read(path) == {"name": "Ann", "call": {"say": "Hello", "repeat": "Hello"}, "caller": {"name": "x"}}


def test_a_field_that_is_a_list_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Misused, match="line 1: found unhashable key"):
        read(a_file(tmp_path, "[a, b]: c\n"))


def test_the_example_is_right_by_the_schema_that_an_editor_checks_it_by() -> None:
    """An editor reads YAML as everybody else does: what must be text there has quotes."""
    schema = schema_in(json.loads((ROOT / "docs" / "openapi.json").read_text()))
    judge = jsonschema_rs.validator_for(schema)
    example = yaml.safe_load(EXAMPLE.read_text())
    assert [f"{wrong.instance_path}: {wrong.message}" for wrong in judge.iter_errors(example)] == []
    assert list(judge.iter_errors(example | {"purpose": "fun"})) != []
