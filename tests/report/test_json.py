"""The JSON document is what its schema says, and the schema is what the records say."""

from __future__ import annotations

import json
from importlib.resources import files
from itertools import chain
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from bypeer.core.explanation import Explanation
from bypeer.report.json import render
from tests.report import sample

SCHEMA = json.loads((files("bypeer.report") / "schema/explanation.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)


def parsed(name: str) -> Any:
    return json.loads(render(sample.ALL[name]()))


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", sample.ALL)
def test_every_story_is_valid(name: str) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(parsed(name))] == []


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where every record of a document lies; of like records in a list the first."""
    if isinstance(value, dict):
        own = [path] if path[-1:] not in [("host",), ("weird",), ("seen",)] else []
        return own + list(chain.from_iterable(paths(one, (*path, key)) for key, one in value.items()))
    return paths(value[0], (*path, 0)) if isinstance(value, list) and value else []


def test_a_missing_key_is_invalid_wherever_it_is_missing() -> None:
    whole = parsed("hostile")
    assert len(paths(whole)) > 20
    for path in paths(whole):
        for key in at(whole, path):
            broken = parsed("hostile")
            del at(broken, path)[key]
            assert not VALIDATOR.is_valid(broken), (*path, key)


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def test_unknown_keys_and_values_are_tolerated() -> None:
    grown = parsed("killed")
    for path in paths(grown):
        at(grown, path)["new"] = {"in": "1.7"}
    grown["verdict"] |= {"killed_by": "hypervisor", "client_outcome": "half-closed", "cause": "XX12"}
    grown["connections"][0]["events"][0]["kind"] = "probe"
    assert [error.message for error in VALIDATOR.iter_errors(grown)] == []


@pytest.mark.parametrize("value", ["", "HOST", "the host", 3, None])
def test_a_value_that_no_version_would_write_is_invalid(value: object) -> None:
    broken = parsed("killed")
    broken["verdict"]["killed_by"] = value
    assert not VALIDATOR.is_valid(broken)


def records(kind: type, place: dict[str, Any]) -> list[tuple[type, dict[str, Any]]]:
    """Every record type that can be reached, with the part of the schema that describes it."""
    found = [(kind, place)]
    for name, hint in get_type_hints(kind).items():
        inner = next((one for one in [hint, *get_args(hint)] if hasattr(one, "_fields")), None)
        if isinstance(inner, type):
            found += records(inner, resolved(place["properties"][name]))
    return found


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """What a part of the schema refers to, through null and lists."""
    part = next((one for one in part.get("anyOf", []) if "$ref" in one), part)
    part = part.get("items", part)
    name = part.get("$ref", "").removeprefix("#/$defs/")
    return resolved(SCHEMA["$defs"][name]) if name else part


def test_the_schema_describes_every_field_and_no_other() -> None:
    for kind, place in records(Explanation, SCHEMA):
        names = set(kind._fields)
        assert set(place["properties"]) == set(place["required"]) == names, kind.__name__
        assert all("description" in one or "$ref" in one for one in place["properties"].values())


def test_the_schema_lists_the_values_of_today() -> None:
    for kind, place in records(Explanation, SCHEMA):
        for name, hint in get_type_hints(kind).items():
            if get_origin(hint) is Literal:
                listed = resolved(place["properties"][name])["anyOf"][0]["enum"]
                assert listed == list(get_args(hint)), f"{kind.__name__}.{name}"


def test_the_schema_says_where_null_may_be() -> None:
    for kind, place in records(Explanation, SCHEMA):
        for name, hint in get_type_hints(kind).items():
            part = place["properties"][name]
            nullable = "null" in part.get("type", []) or {"type": "null"} in part.get("anyOf", [])
            optional = get_origin(hint) in (Union, UnionType) and type(None) in get_args(hint)
            assert nullable == optional, f"{kind.__name__}.{name}"


def test_the_name_of_the_format_comes_first() -> None:
    assert render(sample.killed()).startswith('{\n  "schema": "bypeer.explanation/1",\n')
    assert render(sample.killed()).endswith("}\n")


def test_times_are_decimal_strings_or_null() -> None:
    found = sample.killed()
    undated = found._replace(resets=[found.resets[0]._replace(time_ns=None)])
    document = json.loads(render(undated))
    assert document["connections"][0]["events"][0]["time_ns"] == "1580423179414064000"
    assert document["connections"][0]["clock_offset_ns"] == "-11000"
    assert document["resets"][0]["time_ns"] is None
    assert document["resets"][0]["trigger"]["frame"] == 24877


def test_frames_are_pairs() -> None:
    assert parsed("killed")["outcomes"][0]["frames"] == [["v2", 24877]]


def test_the_same_findings_give_the_same_octets() -> None:
    found = sample.hostile()
    other = found._replace(host=dict(reversed(found.host.items())))
    assert render(found) == render(sample.hostile()) == render(other)


def test_hostile_text_survives_as_text() -> None:
    rendered = render(sample.hostile())
    assert rendered.isascii()
    assert rendered.replace("\n", "").isprintable()
    path = json.loads(rendered)["inputs"][0]["path"]
    assert "evil\x1b[2J\u202e" in path
    path.encode("utf-8")  # no lone surrogate: strict parsers refuse those
