"""The demo's estate: loads, fits the policy, and names nothing that the live stores do not have."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.base import Source
from pipelines.demo.stores import DemoStores
from pipelines.estate import Estate


@pytest.fixture(scope="module")
def demo_estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DemoStores, Estate]]:
    with DemoStores(tmp_path_factory.mktemp("demo estate"), scale=0.01) as stores:
        yield stores, Estate.load(stores.estate)


def test_the_policy_knows_every_event_and_fact_of_the_maps(demo_estate: tuple[DemoStores, Estate]) -> None:
    assert set(demo_estate[1].check()) == {"JULIEN"}


def test_some_purpose_keeps_every_category(demo_estate: tuple[DemoStores, Estate]) -> None:
    estate = demo_estate[1]
    policy = estate.policy("JULIEN")
    for each in estate.data_maps.values():
        for dataset in each.active.values():
            assert all(policy.purposes_for(field.category) for field in dataset.personal.values())


@pytest.mark.parametrize("store", ["crm", "billing", "mail", "calendar"])
def test_the_maps_name_what_the_live_stores_have(demo_estate: tuple[DemoStores, Estate], store: str) -> None:
    stores, estate = demo_estate
    connector = estate.connector(store)
    try:
        connector.check()
        inventory = connector.inspect()
        assert estate.map_files[store].check_against(inventory) == []
        for name, dataset in estate.data_maps[store].active.items():
            source = Source(name, dataset.source, dataset.key, dataset.where)
            assert connector.count(source) > 0
            known = inventory.find(dataset.source)
            if known and store in {"crm", "billing"}:
                links = {*dataset.key, *dataset.where, *(column for each in dataset.inherits for column in each.on)}
                assert {field.name for field in known.fields} <= {*dataset.fields, *links}
    finally:
        connector.close()
    assert stores.postgres.running


def test_no_approval_names_a_person(demo_estate: tuple[DemoStores, Estate]) -> None:
    for each in demo_estate[1].data_maps.values():
        assert all(dataset.approved and "@" not in dataset.approved.by for dataset in each.datasets.values())
