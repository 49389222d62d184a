"""Writing data maps: the same map always gives the same bytes, and reads back as itself."""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import SafeRepresenter

from pipelines.data_map.model import DatasetMap, StoreMap

_WIDTH = 120


Comments = Mapping[str, Sequence[str]]
"""Lines for a person to read, by dataset; those under the empty name stand at the head of the file."""


class _Representer(SafeRepresenter):
    """Puts a text that begins with `?` or `:` in quotes: inside brackets a bare one reads back as another."""


def _text(representer: SafeRepresenter, text: str) -> ScalarNode:
    style = "'" if text.startswith(("?", ":")) else None
    node: ScalarNode = representer.represent_scalar("tag:yaml.org,2002:str", text, style=style)
    return node


_Representer.add_representer(str, _text)


def render_map(store_map: StoreMap, comments: Comments | None = None) -> str:
    """The map as YAML: datasets and fields in their own order, keys in the model's, defaults left out."""
    document = {
        "store": store_map.store,
        "datasets": {name: _dataset(each) for name, each in store_map.datasets.items()},
    }
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.default_flow_style = None  # leaves in one line, the rest in blocks
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # declared as None only
    yaml.width = _WIDTH
    yaml.allow_unicode = True
    out = io.StringIO()
    yaml.dump(document, out)
    return _commented(out.getvalue(), comments) if comments else out.getvalue()


def _commented(text: str, comments: Comments) -> str:
    found = [f"# {line}".rstrip() for line in comments.get("", ())]
    for line in text.removesuffix("\n").split("\n"):
        found.append(line)
        name = line.strip().rstrip(":")
        if line == f"  {name}:":  # the datasets are the only keys at this depth
            found += [f"    # {each}".rstrip() for each in comments.get(name, ())]
    return "\n".join(found) + "\n"


def write_map(path: Path, store_map: StoreMap, comments: Comments | None = None) -> None:
    """Write the map whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(render_map(store_map, comments))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _dataset(dataset: DatasetMap) -> dict[str, Any]:
    document: dict[str, Any] = dataset.model_dump(exclude_defaults=True, exclude={"approved"})
    plain: dict[str, Any] = _plain(document)
    if dataset.approved:
        plain["approved"] = dataset.approved.model_dump()
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value
