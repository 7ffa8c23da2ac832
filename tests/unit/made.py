"""What CloudFormation makes of an expanded template with given parameters: conditions decided, values in place."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from local.environments import interpreter

Json = dict[str, Any]
Given = Mapping[str, str | int]
_NOTHING = object()
_NAMED = re.compile(r"\$\{(\w+)(?:\.\w+)*\}")


def expanded(*given: Given) -> list[Json]:
    """The template, expanded by the transform once for each of these sets of parameters."""
    return _sam({"expand": given})


def linted(*templates: Json) -> list[list[str]]:
    """What cfn-lint finds wrong in each of them."""
    return _sam({"lint": templates})


def _sam(told: Mapping[str, Sequence[Any]]) -> list[Any]:
    program = [str(interpreter("sam")), "-P", str(Path(__file__).with_name("expand.py"))]
    done = subprocess.run(
        program,
        input=json.dumps(told),
        capture_output=True,
        text=True,
        check=False,
        env={"AWS_DEFAULT_REGION": "us-east-1"},
    )
    assert done.returncode == 0, done.stderr
    answers: list[Any] = json.loads(done.stdout)
    return answers


@dataclass(frozen=True)
class Made:
    """One stack, as it would be."""

    template: Json
    given: Given

    @property
    def resources(self) -> dict[str, Json]:
        found = self.template["Resources"].items()
        return {name: self._value(one) for name, one in found if self.holds(one.get("Condition", ""))}

    @property
    def whole(self) -> Json:
        """A template that leaves nothing open."""
        return {"Resources": {name: _unconditional(one) for name, one in self.resources.items()}}

    def of_type(self, kind: str) -> dict[str, Json]:
        return {name: one["Properties"] for name, one in self.resources.items() if one["Type"] == kind}

    def holds(self, condition: str) -> bool:
        return not condition or bool(self._judged(self.template["Conditions"][condition]))

    def refusals(self) -> list[str]:
        """What the template's rules say against these parameters."""
        rules = [one for one in self.template["Rules"].values() if self._judged(one.get("RuleCondition", True))]
        broken = [said for rule in rules for said in rule["Assertions"] if not self._judged(said["Assert"])]
        return [said["AssertDescription"] for said in broken]

    def dangling(self) -> set[str]:
        """What is spoken of and not made."""
        return set(_spoken_of(self.resources)) - self.resources.keys()

    @cached_property
    def _values(self) -> dict[str, str | int]:
        defaults = {name: told.get("Default", "") for name, told in self.template["Parameters"].items()}
        return {**defaults, **self.given}

    def _judged(self, said: Any) -> bool:
        match said:
            case {"Condition": str(name)}:
                return self.holds(name)
            case {"Fn::Equals": [one, other]}:
                return str(self._value(one)) == str(self._value(other))
            case {"Fn::Contains": [list(several), one]}:
                return str(self._value(one)) in several
            case {"Fn::Not": [one]}:
                return not self._judged(one)
            case {"Fn::And": several}:
                return all(self._judged(one) for one in several)
        assert said is True, said
        return True

    def _value(self, said: Any) -> Any:
        match said:
            case {"Ref": "AWS::NoValue"}:
                return _NOTHING
            case {"Ref": str(name)} if name in self._values:
                return self._values[name]
            case {"Fn::If": [condition, this, that]}:
                return self._value(this if self.holds(condition) else that)
            case {"Fn::Split": [between, text]}:
                return str(self._value(text)).split(between)
            case {"Fn::Sub": str(text)}:
                return {"Fn::Sub": _NAMED.sub(lambda named: str(self._values.get(named[1], named[0])), text)}
            case dict():
                values = ((name, self._value(one)) for name, one in said.items())
                return {name: value for name, value in values if value is not _NOTHING}
            case list():
                return [value for value in map(self._value, said) if value is not _NOTHING]
        return said


def _unconditional(resource: Json) -> Json:
    return {name: value for name, value in resource.items() if name != "Condition"}


def _spoken_of(said: Any) -> Iterator[str]:
    """The resources that are named anywhere in it."""
    match said:
        case {"Ref": str(name)}:
            yield from () if name.startswith("AWS::") else (name,)
        case {"Fn::GetAtt": [name, *_]}:
            yield name
        case {"Fn::Sub": str(text)}:
            yield from _NAMED.findall(text)
        case dict():
            depends = said.get("DependsOn", [])
            yield from [depends] if isinstance(depends, str) else depends
            for one in said.values():
                yield from _spoken_of(one)
        case list():
            for one in said:
                yield from _spoken_of(one)
