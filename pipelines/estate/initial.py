"""A new estate that runs: what `ardoise init` writes."""

from __future__ import annotations

import json
import os
import re
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipelines.errors import UsageError
from pipelines.estate.config import FILE

KINDS = {"imap": "imap", "imaps": "imap", "caldav": "caldav", "caldavs": "caldav", "http": "caldav", "https": "caldav"}
"""Kinds of store by the scheme of their URL; every other scheme is SQLAlchemy's."""

_TOML = """\
[estate]
name = {name}
time_zone = {zone}

[controllers.{controller}]
policy = {policy}                 # policies/{policy_file}; adapt purposes, periods and sources

[stores.{store}]
kind = "{kind}"
read = {read}    # a credential that can only read
# write = "file:connections/{store}.write"   # needed to apply, not to plan

[limits]                          # more than this in one plan waits for a person
share = 0.5
"""


def write_estate(folder: Path, *, store: str, url: str, controller: str, zone: str) -> list[Path]:
    """Write an estate with one store and a policy to adapt; returns the files, relative to the folder.

    The connection string goes into a file of its own that its owner alone can read. Without one the estate asks the
    environment for it.

    Raises:
        UsageError: the folder is an estate already, or a name or the zone cannot be used; nothing is written.
    """
    _check(folder, store, controller, zone)
    policy = controller.lower().replace(".", "_").replace("-", "_")
    variable = f"ARDOISE_{store.upper()}_READ"
    read = f"file:connections/{store}.read" if url else f"env:{variable}"
    text = _TOML.format(
        name=json.dumps(folder.resolve().name), zone=json.dumps(zone), controller=_bare(controller),
        policy=json.dumps(policy), policy_file=f"{policy}.yaml", store=store,
        kind=KINDS.get(url.partition(":")[0].partition("+")[0], "sql"), read=json.dumps(read),
    )  # fmt: skip
    files = {FILE: text, f"policies/{policy}.yaml": _starter(policy, controller, zone)}
    for name in ("data_map", "proposals", "policies"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    if url:
        files[f"connections/{store}.read"] = ""
        _secret(folder / "connections" / f"{store}.read", _absolute(url))
    (folder / ".gitignore").write_text(".ardoise/\nconnections/\n", encoding="utf-8")
    return [Path(name) for name in files]


def _check(folder: Path, store: str, controller: str, zone: str) -> None:
    if (folder / FILE).exists():
        raise UsageError(f"there is an {FILE} already", str(folder), "Edit it, or name another folder.")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", store):
        raise UsageError(f"{store!r} is no name for a store", "--store", "Use small letters, digits and `_`.")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", controller):
        raise UsageError(f"{controller!r} is no name for a controller", "--controller", "Use letters, digits, `_.-`.")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise UsageError(f"there is no time zone {zone!r}", "--time-zone", "Write it like Europe/Paris.") from None


def _bare(controller: str) -> str:
    return json.dumps(controller) if "." in controller else controller


def _starter(policy: str, controller: str, zone: str) -> str:
    text = resources.files("retention_rules").joinpath("policies/starter.yaml").read_text(encoding="utf-8")
    lines = {"policy": policy, "controller": controller, "time_zone": zone}
    for key, value in lines.items():
        text = re.sub(rf"^{key}: .*$", f"{key}: {value}", text, count=1, flags=re.MULTILINE)
    return text


def _absolute(url: str) -> str:
    """A SQLite file given relative to where the person stands, not to the estate."""
    found = re.fullmatch(r"(sqlite(?:\+\w+)?):///([^/?][^?]*)(\?.*)?", url)
    return f"{found[1]}:///{Path(found[2]).resolve()}{found[3] or ''}" if found else url


def _secret(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text + "\n")
