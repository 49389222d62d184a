"""The in-memory reference keeps the contract."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from connector_contract import ConnectorContract

from connectors.base import Connector, Kind, Ref, Source
from connectors.errors import StoreDown, StoreMismatch
from connectors.memory import MemoryConnector, MemoryStore, encode


@dataclass
class MemoryWorld:
    memory: MemoryStore
    connector: MemoryConnector
    source: Source

    def snapshot(self) -> dict[tuple[str, str], bytes]:
        return {
            (c, key): record.content for c, records in self.memory.containers.items() for key, record in records.items()
        }

    def touch(self, ref: Ref) -> None:
        content = json.loads(self.memory.containers[ref.container][ref.key].content)
        self.memory.put(ref.container, ref.key, content | {"seen": True})

    def remove(self, ref: Ref) -> None:
        self.memory.remove(ref.container, ref.key)

    def redact(self, _ref: Ref, content: bytes) -> bytes | None:
        return encode(json.loads(content) | {"participants": [], "texts": {}})

    def redacted(self, content: bytes) -> bool:
        return json.loads(content)["participants"] == []


@pytest.fixture
def world() -> MemoryWorld:
    memory = MemoryStore(Kind.MESSAGES)
    for number in range(8):
        memory.put(
            "INBOX" if number % 2 else "Sent",
            f"m{number}",
            {
                "first": "2020-01-31T23:30:00+01:00",
                "last": None,
                "participants": [{"role": "from", "address": f"p{number}@example.org", "name": "P"}],
                "texts": {"subject": "bonjour", "body": "à demain"},
            },
        )
    memory.put("Trash", "t", {"participants": [], "texts": {}})
    return MemoryWorld(memory, MemoryConnector("mail", memory), Source("mail", "*", exclude=("Trash",)))


class TestMemory(ConnectorContract):
    pass


def test_it_is_a_connector(world: MemoryWorld) -> None:
    assert isinstance(world.connector, Connector)


def test_instants_are_in_utc(world: MemoryWorld) -> None:
    batch = next(world.connector.scan(world.source))
    assert batch["first"][0].as_py().isoformat() == "2020-01-31T22:30:00+00:00"


def test_a_store_that_is_down_says_so(world: MemoryWorld) -> None:
    world.memory.up = False
    with pytest.raises(StoreDown):
        list(world.connector.scan(world.source))


def test_a_container_that_is_not_there_is_a_mismatch(world: MemoryWorld) -> None:
    with pytest.raises(StoreMismatch):
        world.connector.count(Source("mail", "Archive"))
