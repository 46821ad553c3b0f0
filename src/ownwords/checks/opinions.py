"""Reading a judge's opinion strictly: one JSON object that its schema allows, or none.

The object stands alone, in one fence, or after the judge's thoughts. A key too many or too few, a key twice, another
type, words beside it: an opinion that cannot be read is none, and what is wrong with it is said.

Of JSON schemas it knows what opinions are made of: an object whose keys are all required, texts (perhaps with the
words to choose from, `enum`) and booleans.
"""

from __future__ import annotations

import json
from typing import Any, cast

from ownwords.checks._json import with_unique_keys
from ownwords.turns import split_reasoning

Schema = dict[str, Any]
Opinion = dict[str, Any]

_KINDS: dict[str, type] = {"string": str, "boolean": bool}
_FENCE = "```"


def opinion_schema(properties: dict[str, dict[str, Any]]) -> Schema:
    """The schema of an opinion with these keys, all of which it must have, and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def read_opinion(text: str, schema: Schema) -> Opinion | str:
    """The judge's opinion, by the keys of the schema; where it is none, what is wrong with it."""
    answer = _unfenced(split_reasoning(text)[1].strip())
    try:
        loaded: Any = json.loads(answer, object_pairs_hook=with_unique_keys)
    except (ValueError, RecursionError) as error:
        return f"the judge's answer is not JSON ({error}): {text[:200]!r}"
    if not isinstance(loaded, dict):
        return f"the judge's answer is no object: {text[:200]!r}"
    opinion = cast("Opinion", loaded)
    properties: dict[str, dict[str, Any]] = schema["properties"]
    for key in opinion:
        if key not in properties:
            return f"the judge's answer has a key {key[:50]!r} that was not asked for"
    for key, wanted in properties.items():
        kind = _KINDS[wanted["type"]]
        if type(opinion.get(key)) is not kind:
            return f"the judge's answer says nothing under {key}, or not as {kind.__name__}"
        if opinion[key] not in wanted.get("enum", [opinion[key]]):
            return f"the judge's answer has {opinion[key][:50]!r} under {key}, not one of {', '.join(wanted['enum'])}"
    return opinion


def _unfenced(answer: str) -> str:
    """What stands in the one fence of an answer that is nothing else; any other answer as it is."""
    if not (answer.startswith(_FENCE) and answer.endswith(_FENCE)) or answer.count(_FENCE) != 2:
        return answer
    return answer.removesuffix(_FENCE).partition("\n")[2]
