"""Guesses at which column supplies which event of the policy: by name, for a person to confirm.

Only events that the policy declares are guessed, and never from a column that merely says when a row was changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from connectors.base import DatasetShape, Kind
from pipelines.classify.candidates import Family, family_of
from pipelines.classify.names import read, tokens
from pipelines.classify.verdict import Column
from pipelines.classify.wording import phrases, words
from pipelines.data_map.model import EventSource
from retention_rules.events import EventKind
from retention_rules.policy import Policy

_NEVER = frozenset({"updated", "modified", "modification", "maj", "changed", "synced", "deleted", "birth", "naissance"})
"""What changes with every write says nothing of the person."""


ACTIVITY = "last_activity"
"""The one event of the starter policy: whatever was last done for or by the person."""

INBOUND = {Kind.MESSAGES: ("from",), Kind.EVENTS: ("organizer", "attendee")}
"""The roles in which a person has been in contact: who writes, and who meets."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """An event, the tokens of which one set must be in the column's name, and of which one must be in the table's."""

    event: str
    names: tuple[frozenset[str], ...]
    tables: frozenset[str] = frozenset()
    of: Literal["record", "subject"] = "record"
    null: Literal["open", "missing", "absent"] = "missing"


_CONTRACTS = words("contract contracts contrat contrats subscription subscriptions abonnement abonnements")
_INVOICES = words("invoice invoices facture factures bill bills")
_PAYMENTS = words("payment payments paiement paiements transaction transactions") | _INVOICES
_CONSENTS = words("consent consents consentement consentements")
_MEMBERS = words("membership memberships member members adhesion adhesions account accounts service")
_ENDS = "end|ended|closed|terminated|termination|fin|resiliation|cloture|expires|expiry"

_RULES = (
    _Rule("contract_end", phrases("contract end|fin contrat|date resiliation"), of="subject", null="open"),
    _Rule("contract_end", phrases(_ENDS), _CONTRACTS, of="subject", null="open"),
    _Rule("service_end", phrases("service end|membership end|fin service|fin adhesion"), of="subject", null="open"),
    _Rule("service_end", phrases(_ENDS), _MEMBERS, of="subject", null="open"),
    _Rule("last_intervention", phrases("last intervention|derniere intervention"), of="subject", null="absent"),
    _Rule("fiscal_year_end", phrases("fiscal year end|fin exercice|cloture exercice")),
    _Rule("payment_settled", phrases("settled|paid|regle|paye|encaisse|reglement"), _PAYMENTS, null="open"),
    _Rule("debited", phrases("debited|debit|debite|prelevement"), _PAYMENTS),
    _Rule("disputed", phrases("disputed|dispute|conteste"), null="absent"),
    _Rule("agreement_start", phrases("agreement start|debut accord"), null="absent"),
    _Rule("agreement_end", phrases("agreement end|fin accord"), null="absent"),
    _Rule("delivered", phrases("delivered|livraison|livre|delivery"), null="absent"),
    _Rule("consent_given", phrases("given|granted|consented|donne|accord"), _CONSENTS),
    _Rule("consent_withdrawn", phrases("withdrawn|revoked|retire|retrait"), _CONSENTS, null="absent"),
    _Rule("invoice_issued", phrases("issued|invoice date|date facture|emission|facturation")),
    _Rule("collected", phrases("collected|acquired|collecte|signup|registered|registration|inscription"), of="subject"),
)

_CREATED = phrases("created|creation|cree|inserted|added")
_WHEN = phrases("at|on|date|time|timestamp|horodatage|occurred|when|jour|le|dt")


def guess(
    shape: DatasetShape, policy: Policy | None, *, own_subject: bool, technical: bool
) -> Mapping[str, EventSource]:
    """The events that a table's columns seem to supply.

    ``own_subject``: its rows are persons; ``technical``: its rows are traces of visits (addresses, pages).
    """
    if policy is None:
        return {}
    found: dict[str, EventSource] = {}
    table = set(tokens(shape.location.rpartition(".")[2]))
    dates = _dates(shape)
    used: set[str] = set()
    for rule in _RULES:
        if rule.event not in policy.events or rule.event in found or (rule.tables and not rule.tables & table):
            continue
        column = next((name for name in dates if name not in used and _says(name, rule.names)), None)
        if column:
            used.add(column)
            found[rule.event] = EventSource(column=column, of=rule.of, null=_null(shape, column, rule.null))
    left = [name for name in dates if name not in used]
    created = next((name for name in left if _says(name, _CREATED)), None)
    happened = created or next((name for name in left if _says(name, _WHEN)), None)
    if own_subject:
        entered = next((name for name in ("collected", ACTIVITY) if name in policy.events), None)
        if created and entered:
            found.setdefault(entered, EventSource(column=created, of="subject"))
    elif technical and happened and "created" in policy.events:
        found.setdefault("created", EventSource(column=happened))
    elif ACTIVITY in policy.events:
        acted = happened or next((found[name].column for name in found if not _is_end(policy, name)), None)
        if acted:
            null = _null(shape, acted, "absent")
            found.setdefault(ACTIVITY, EventSource(column=acted, of="subject", null=null))
    return found


def idle_dates(shape: DatasetShape, events: Mapping[str, EventSource]) -> tuple[str, ...]:
    """The dates of a table that could say when something happened, and that none of the events uses."""
    used = {each.column for each in events.values()}
    return tuple(name for name in _dates(shape) if name not in used)


def guess_for_items(policy: Policy | None, kind: Kind) -> Mapping[str, EventSource]:
    """What mail and meetings supply: the last contact from a person, and their own date."""
    if policy is None:
        return {}
    found = {}
    if "last_inbound_contact" in policy.events:
        roles = INBOUND[kind]
        found["last_inbound_contact"] = EventSource(at="last", roles=roles, of="subject", null="absent")
    if ACTIVITY in policy.events:
        found[ACTIVITY] = EventSource(at="last", of="subject", null="absent")
    return found


def _dates(shape: DatasetShape) -> list[str]:
    dates = [each.name for each in shape.fields if family_of(Column(each.name, each.type)) is Family.DATE]
    return [name for name in dates if not set(tokens(name)) & _NEVER and read(name).category is None]


def _says(name: str, wanted: tuple[frozenset[str], ...]) -> bool:
    words = set(tokens(name))
    return any(each <= words for each in wanted)


def _null(
    shape: DatasetShape, column: str, otherwise: Literal["open", "missing", "absent"]
) -> Literal["open", "missing", "absent"]:
    nullable = next(each.nullable for each in shape.fields if each.name == column)
    return otherwise if nullable else "missing"


def _is_end(policy: Policy, event: str) -> bool:
    return policy.events[event] is EventKind.END
