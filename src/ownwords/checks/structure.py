"""Checks of JSON: the reference's value, or any that a schema allows.

`_json.py` tells where a text has its JSON. Not covered: JSON in a looser spelling, `format` in a schema.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, cast

from pydantic import AfterValidator

from ownwords.checks._json import NoJsonError, read_json
from ownwords.checks._patterns import require_compilable
from ownwords.checks.base import check, require_worker
from ownwords.records import PASSED, Candidate, Example, Verdict

# What can take more than linear time on some value: patterns, comparing all with all, and schemas that name themselves.
_SLOW_KEYWORDS = (
    "pattern",
    "patternProperties",
    "uniqueItems",
    "unevaluatedItems",
    "unevaluatedProperties",
    "$ref",
    "$dynamicRef",
)


@check("json_equal", typed=True)
def json_equal(example: Example, candidate: Candidate, *, ignore_order: bool = False) -> Verdict:
    """The candidate's JSON is the reference's: keys in any order, numbers by value, `true` never 1.

    With `ignore_order` the items of lists may come in any order too. The detail says where they differ, as a JSON
    pointer (RFC 6901). Reasons: `no_json`, `duplicate_key`, `too_deep`, `number_too_large`, `missing_key`, `extra_key`,
    `wrong_length`, `wrong_type`, `wrong_value`; `no_reference_json` where the reference has none that can be read.
    """
    try:
        expected = read_json(example.reference, exact=True, longest=True)
    except NoJsonError as error:
        return Verdict(False, "no_reference_json", f"of the reference: {error}")
    kind = next((kind for kind in (dict, list) if isinstance(expected, kind)), None)
    try:
        given = read_json(candidate.text, exact=True, kind=kind)
    except NoJsonError as error:
        return Verdict(False, error.reason, str(error))
    if ignore_order:
        given, expected = _sorted(given), _sorted(expected)
    return _difference(given, expected) or PASSED


def _difference(given: Any, expected: Any, pointer: str = "") -> Verdict | None:
    """The first difference, None if there is none. The depth of both is limited by `read_json`."""
    kinds = _kind(given), _kind(expected)
    if kinds[0] != kinds[1]:
        return _differs("wrong_type", pointer, f"is {kinds[0]}, the reference has {kinds[1]}")
    if isinstance(expected, dict):
        return _object_difference(given, cast("dict[str, Any]", expected), pointer)
    if isinstance(expected, list):
        return _list_difference(given, cast("list[Any]", expected), pointer)
    if given != expected:
        return _differs("wrong_value", pointer, f"is {_shown(given)}, the reference has {_shown(expected)}")
    return None


def _list_difference(given: list[Any], expected: list[Any], pointer: str) -> Verdict | None:
    if len(given) != len(expected):
        return _differs("wrong_length", pointer, f"has {len(given)} items, the reference has {len(expected)}")
    for place, (item, other) in enumerate(zip(given, expected, strict=True)):
        found = _difference(item, other, f"{pointer}/{place}")
        if found:
            return found
    return None


def _object_difference(given: dict[str, Any], expected: dict[str, Any], pointer: str) -> Verdict | None:
    for key, value in expected.items():
        inner = pointer + _step(key)
        if key not in given:
            return _differs("missing_key", inner, "is missing")
        found = _difference(given[key], value, inner)
        if found:
            return found
    for key in given:
        if key not in expected:
            return _differs("extra_key", pointer + _step(key), "is not in the reference")
    return None


def _step(key: str) -> str:
    return f"/{key[:100].replace('~', '~0').replace('/', '~1')}"


def _differs(reason: str, pointer: str, detail: str) -> Verdict:
    return Verdict(False, reason, f"{pointer[-300:] or 'the whole value'} {detail}")


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "a truth value"
    names: tuple[tuple[type, str], ...] = (
        (dict, "an object"),
        (list, "a list"),
        (str, "a string"),
        (Decimal, "a number"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "null")


def _shown(value: Any) -> str:
    text = str(value)[:100] if isinstance(value, Decimal) else json.dumps(value)
    return text if len(text) <= 100 else f"{text[:100]}…"


def _sorted(value: Any) -> Any:
    """The same value with the items of every list in one order."""
    return _with_key(value)[0]


def _with_key(value: Any) -> tuple[Any, str]:
    """A value with its lists sorted, and a text that equal values share and no others."""
    if isinstance(value, dict):
        members = {key: _with_key(inner) for key, inner in sorted(cast("dict[str, Any]", value).items())}
        keys = ",".join(f"{json.dumps(key)}:{text}" for key, (_, text) in members.items())
        return {key: inner for key, (inner, _) in members.items()}, f"{{{keys}}}"
    if isinstance(value, list):
        items = sorted((_with_key(item) for item in cast("list[Any]", value)), key=lambda item: item[1])
        return [item for item, _ in items], f"[{','.join(text for _, text in items)}]"
    return value, _number_key(value) if isinstance(value, Decimal) else json.dumps(value)


def _number_key(number: Decimal) -> str:
    if not number:
        return "0"
    sign, digits, exponent = number.as_tuple()
    text = "".join(map(str, digits))
    significant = text.rstrip("0")
    return f"{'-' * sign}{significant.lstrip('0')}e{int(exponent) + len(text) - len(significant)}"


def _a_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """For the recipe: a JSON schema of draft 2020-12 whose references stay inside it (ValueError)."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        require_compilable(_patterns(schema), "re")
    except ValueError as error:
        raise ValueError(f"is no JSON schema: a pattern in it {error}") from error
    try:
        Draft202012Validator.check_schema(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    except SchemaError as error:
        raise ValueError(f"is no JSON schema (draft 2020-12): at {error.json_path}, {error.message[:300]}") from error
    except RecursionError as error:
        raise ValueError("is no JSON schema: it is nested too deeply") from error
    _require_references(schema)
    return schema


def _require_references(schema: dict[str, Any]) -> None:
    """Refuse a reference to nothing, or to what is no schema; `$ref` inside a constant is none (ValueError)."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError
    from referencing import Registry, Resource
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    root: Any = Resource(contents=schema, specification=DRAFT202012)
    waiting: list[tuple[Any, Any]] = [(schema, Registry[Any]().resolver_with_root(root))]
    targets: list[tuple[str, Any]] = []
    seen: set[int] = set()
    while waiting or targets:
        if not waiting:  # what is referred to may lie where no schema is looked for
            reference, found = targets.pop()
            if id(found.contents) in seen:
                continue
            try:
                Draft202012Validator.check_schema(found.contents)
            except SchemaError as error:
                raise ValueError(f"refers to {reference!r}, which is no JSON schema") from error
            waiting.append((found.contents, found.resolver))
        value, resolver = waiting.pop()
        seen.add(id(value))
        if not isinstance(value, dict):
            continue
        members = cast("dict[str, Any]", value)
        resolver = resolver.in_subresource(Resource(contents=members, specification=DRAFT202012))
        for reference in (members[key] for key in ("$ref", "$dynamicRef") if key in members):
            try:
                targets.append((reference, resolver.lookup(reference)))
            except Unresolvable as error:
                raise ValueError(f"refers to {reference!r}, which is not in it; nothing is fetched") from error
        inner: Any = DRAFT202012.subresources_of(members)
        waiting.extend((each, resolver) for each in inner)


def _patterns(schema: dict[str, Any]) -> list[str]:
    """All that may be a pattern of a schema, wherever it stands."""
    found: list[str] = []
    waiting: list[Any] = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value)
            named: Any = members.get("patternProperties")
            candidates = [members.get("pattern"), *(cast("dict[str, Any]", named) if isinstance(named, dict) else ())]
            found.extend(candidate for candidate in candidates if isinstance(candidate, str))
            waiting.extend(members.values())
        elif isinstance(value, list):
            waiting.extend(cast("list[Any]", value))
    return found


Schema = Annotated[dict[str, Any], AfterValidator(_a_schema)]


@check("json_schema")
def json_schema(example: Example, candidate: Candidate, *, schema: Schema) -> Verdict:
    """The candidate's JSON is valid under `schema` (draft 2020-12); the reference plays no part.

    A schema with keywords that can take long (patterns, `uniqueItems`, references) is applied in a worker process.
    Reasons: `no_json`, `duplicate_key`, `too_deep`, `number_too_large`, `schema_violation` with the place as a JSON
    pointer.
    """
    kinds: dict[Any, type] = {"object": dict, "array": list}
    wanted = schema.get("type")
    try:
        value = read_json(candidate.text, exact=False, kind=kinds.get(wanted) if isinstance(wanted, str) else None)
    except NoJsonError as error:
        return Verdict(False, error.reason, str(error))
    validator, slow = _validator(json.dumps(schema))
    if slow:
        require_worker()
    try:
        error: Any = next(validator.iter_errors(value), None)
    except RecursionError:
        return Verdict(False, "too_deep", "the schema refers to itself without end")
    if error is None:
        return PASSED
    place = "".join(_step(str(step)) for step in error.absolute_path)
    return Verdict(False, "schema_violation", f"{place[-300:] or 'the whole value'}: {error.message[:300]}")


@lru_cache(maxsize=64)
def _validator(schema: str) -> tuple[Any, bool]:
    """The validator of a schema, and whether it can take long."""
    from jsonschema import Draft202012Validator
    from referencing import Registry

    slow = any(f'"{keyword}":' in schema for keyword in _SLOW_KEYWORDS)
    return Draft202012Validator(json.loads(schema), registry=Registry[Any]()), slow
