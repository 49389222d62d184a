"""Which dataset could supply an event that the policy needs: said in the proposal, and when a plan cannot be made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipelines.data_map.loading import load_map
from pipelines.data_map.model import EventSource, StoreMap
from pipelines.data_map.writing import Comments
from pipelines.errors import DataMapInvalid
from pipelines.scan.evidence import edited, evidence_file, read_evidence
from retention_rules.policy import Policy

if TYPE_CHECKING:
    from pipelines.estate import Estate
    from pipelines.scan.proposal import Proposal

_MOST = 4
"""Candidates that are named before the list is cut."""


def said_so_far(estate: Estate, store: str) -> StoreMap | None:
    """What a person has said of a store: the approved map, and before that the proposal where it was edited.

    Raises:
        DataMapInvalid: the proposal was edited and is no longer valid; it is left as it is.
    """
    known = estate.data_maps.get(store)
    path = estate.folder / "proposals" / f"{store}.yaml"
    if not edited(path, evidence_file(path.parent, store)):
        return known
    corrected = {name: each.model_copy(update={"approved": None}) for name, each in load_map(path).map.datasets.items()}
    return StoreMap(store=store, datasets={**(known.datasets if known else {}), **corrected})


def comments(proposal: Proposal, policy: Policy | None) -> Comments:
    """What stands in a proposal for its reader: what to do with it, and which dates wait for an event."""
    store = proposal.map.store
    found = {
        "": [
            "Proposed by `ardoise scan`; nothing of it acts before a person accepts it, dataset by dataset:",
            f"  ardoise review {store} --accept DATASET --by ROLE",
            "Correct it here first where it is wrong; a later scan keeps what you changed. `ardoise review` says why.",
        ]
    }
    if policy is None:
        return found
    supplied = {event for dataset in proposal.map.datasets.values() for event in dataset.events}
    wanted = sorted(set(policy.events) - supplied)
    for name, said in proposal.evidence.items():
        dataset = proposal.map.datasets[name]
        if said.dates and (dataset.subjects or dataset.inherits):
            lines = [f"Dates that supply no event: {', '.join(said.dates)}."]
            if wanted:
                lines.append(f"The policy has no {', '.join(wanted)} yet. One of them could be:")
                lines.append(f"events: {{{wanted[0]}: {{column: {said.dates[0]}, of: subject, null: missing}}}}")
            found[name] = lines
    return found


def how_to_supply(estate: Estate, controller: str, event: str) -> str:
    """What to do about an event that no approved dataset supplies, with the file, the columns and the command."""
    offers: list[str] = []
    dates: list[str] = []
    for store in estate.stores:
        for name, source in _proposed(estate, store, controller, event):
            origin = f"from `{source.column}`" if source.column else "from its items"
            offers.append(
                f"`{store}.{name}` is proposed to supply it {origin}: accept it with "
                f"`ardoise review {store} --accept {name} --by ROLE`"
            )
        evidence = read_evidence(evidence_file(estate.folder / "proposals", store))
        dates += [f"{store}.{name}.{date}" for name, said in evidence.items() for date in said.dates]
    if offers:
        return "; or ".join(offers[:_MOST])
    if dates:
        return (
            f"Dates that could supply it: {', '.join(dates[:_MOST])}. Write `events: {{{event}: {{column: …, "
            "of: subject}}` into that dataset in proposals/, then accept it; or replace the purpose"
        )
    return "Bind it to a column, a mailbox or a calendar in the data map, or replace the purpose"


def _proposed(estate: Estate, store: str, controller: str, event: str) -> Iterator[tuple[str, EventSource]]:
    """The datasets of a store that would supply the event, were they approved."""
    path = estate.folder / "proposals" / f"{store}.yaml"
    waiting = dict(estate.data_maps[store].datasets) if store in estate.data_maps else {}
    if path.is_file():
        try:
            waiting |= load_map(path).map.datasets
        except DataMapInvalid:
            return
    active = estate.data_maps[store].active if store in estate.data_maps else {}
    for name, dataset in waiting.items():
        if event in dataset.events and dataset.controller == controller:
            already = name in active and event in active[name].events
            if not already:
                yield name, dataset.events[event]
