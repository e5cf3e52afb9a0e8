"""The JSON document "bypeer.explanation/1"; schema/explanation.schema.json describes it."""

from __future__ import annotations

import json
from typing import Any

from bypeer.core.explanation import Explanation


def render(explanation: Explanation) -> str:
    r"""The explanation as one JSON object: the records' own field names, `schema` first.

    Spans and times (`*_ns`) are decimal strings, since jq rounds numbers past 2**53. The
    output is ASCII and holds no control characters; a lone surrogate (an octet of a path that
    is not UTF-8) is spelt out as the text \udcff, since strict parsers refuse it otherwise.
    """
    document = {"schema": explanation.schema} | _jsonable("", explanation)
    return json.dumps(document, indent=2).replace("\x7f", "\\u007f") + "\n"


def _jsonable(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, int) and name.endswith("_ns"):
        return str(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return dict(zip(value._fields, map(_jsonable, value._fields, value), strict=True))
    if isinstance(value, dict):
        return {_jsonable("", key): _jsonable("", value[key]) for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [_jsonable("", one) for one in value]
    return value
