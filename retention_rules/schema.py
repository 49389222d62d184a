"""The JSON schema of policies and of files of terms, for editors: generated from the shapes that loading uses.

A schema knows the form of one file. What one name says about another, and what a condition means, is for
`ardoise policy lint` to say.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from retention_rules.shapes import PERIOD, PolicyShape, PurposeShape, TermsShape

FILES = {
    "policy": Path(__file__).with_name("policy.schema.json"),
    "terms": Path(__file__).with_name("terms.schema.json"),
}
"""Where the schemas lie; a test holds them against `text_of`."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def text_of(kind: str) -> str:
    """The schema of a kind of file, as it lies in `FILES`."""
    return json.dumps(_SCHEMAS[kind](), ensure_ascii=False, indent=2) + "\n"


def policy_schema() -> dict[str, Any]:
    """The schema of a policy."""
    schema = PolicyShape.model_json_schema()
    purpose = PurposeShape.model_json_schema()
    definitions = schema["$defs"] | purpose.pop("$defs", {})
    definitions["PurposeShape"] = purpose
    term = {"anyOf": [{"type": "string", "pattern": PERIOD}, {"type": "null"}, {"$ref": "#/$defs/TermShape"}]}
    schema["$defs"] = definitions
    schema["properties"]["terms"]["patternProperties"] = _values(schema["properties"]["terms"], term)
    schema["properties"]["purposes"]["patternProperties"] = _values(
        schema["properties"]["purposes"], {"$ref": "#/$defs/PurposeShape"}
    )
    return _closed({"$schema": _DIALECT, **schema, "title": "A policy of Ardoise"})


def terms_schema() -> dict[str, Any]:
    """The schema of a file of terms."""
    return _closed(
        {"$schema": _DIALECT, **TermsShape.model_json_schema(), "title": "The terms of a tenant, for Ardoise"}
    )


_SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {"policy": policy_schema, "terms": terms_schema}


def _values(mapping: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    return dict.fromkeys(mapping["patternProperties"], schema)


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """No keys but those of the patterns; no titles that repeat a key, no defaults that say nothing."""
    title = schema["title"]
    return {**_tidied(schema), "title": title}


def _tidied(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_tidied(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {
        key: {name: _tidied(each) for name, each in value.items()}
        if key in {"properties", "patternProperties", "$defs"}
        else _tidied(value)
        for key, value in schema.items()
        if key not in {"title", "default"}
    }
    if "patternProperties" in found:
        found["additionalProperties"] = False
    return found
