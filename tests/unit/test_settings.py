"""Settings: read once from the environment, complained about by name, never by value."""

from dataclasses import fields

import pytest

from dialer.bounds import Bounds, setting
from dialer.errors import BadSettings
from dialer.settings import Settings, from_environment

MINIMUM = {"MONGODB_URI_PARAMETER": "/dialer/mongodb-uri"}
TEXTS = [field.name for field in fields(Settings) if field.name != "bounds"]
OPTIONAL = [name for name in TEXTS if not name.startswith("mongodb")]


def test_one_setting_is_enough_to_start_and_all_else_has_a_default() -> None:
    known = from_environment(MINIMUM)
    assert known.mongodb_uri_parameter == "/dialer/mongodb-uri"
    assert known.mongodb_database == "dialer"
    assert known.bounds == Bounds()
    assert [getattr(known, name) for name in OPTIONAL] == [""] * len(OPTIONAL)


@pytest.mark.parametrize("name", TEXTS)
def test_every_setting_is_read_from_the_variable_of_its_name(name: str) -> None:
    assert getattr(from_environment(MINIMUM | {name.upper(): "a-value"}), name) == "a-value"


@pytest.mark.parametrize("environment", [{}, {"MONGODB_URI_PARAMETER": ""}])
def test_without_the_databases_parameter_it_does_not_start(environment: dict[str, str]) -> None:
    with pytest.raises(BadSettings, match=r"^The setting MONGODB_URI_PARAMETER is missing: it names the parameter "):
        from_environment(environment)


@pytest.mark.parametrize("name", OPTIONAL)
def test_a_setting_that_is_needed_and_missing_is_named(name: str) -> None:
    with pytest.raises(BadSettings, match=f"^The setting {name.upper()} is missing.$"):
        from_environment(MINIMUM).need(name)
    assert from_environment(MINIMUM | {name.upper(): "there"}).need(name) == "there"


@pytest.mark.parametrize("bound", [field.name for field in fields(Bounds)])
def test_every_bound_is_read_in_seconds_from_the_setting_of_its_name(bound: str) -> None:
    more = getattr(Bounds(), bound).total_seconds() + 0.5
    known = from_environment(MINIMUM | {setting(bound): str(more)}).bounds
    assert getattr(known, bound).total_seconds() == more


@pytest.mark.parametrize("text", ["soon", "1,5", "5s", "0x10", "nan", "inf", "-inf", "1e300"])
def test_a_bound_that_is_no_usable_number_is_refused_by_name_and_its_value_not_shown(text: str) -> None:
    with pytest.raises(BadSettings, match=r"^DIAL_GUARD_SECONDS must be a number of seconds.$") as refused:
        from_environment(MINIMUM | {"DIAL_GUARD_SECONDS": text})
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize("bound", [field.name for field in fields(Bounds)])
def test_an_empty_bound_keeps_its_production_value(bound: str) -> None:
    assert from_environment(MINIMUM | {setting(bound): ""}).bounds == Bounds()


def test_a_relation_between_bounds_is_checked_when_they_are_read() -> None:
    with pytest.raises(BadSettings, match="QUEUE_VISIBILITY_SECONDS must be greater than CALL_TIMEOUT_SECONDS"):
        from_environment(MINIMUM | {"QUEUE_VISIBILITY_SECONDS": "20"})
