"""The plain facts of every record that the generator wrote: whom it concerns, and what happened when.

No decision is made here, and nothing is read back from a store: these are the generated objects themselves. See
`reference` for what follows from them.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from pipelines.demo.billing import Billing
from pipelines.demo.calendar import Meeting
from pipelines.demo.company import Company
from pipelines.demo.crm import INBOUND, JULIEN, Crm, Interaction, Membership, Note, Prospect
from pipelines.demo.mail import OWN_DOMAIN, Mail, Who
from pipelines.demo.moments import PARIS
from pipelines.demo.people import slug


class Identity(NamedTuple):
    """A record of the demonstration: a row by its id, a message by its Message-ID, a meeting by its UID."""

    store: str
    dataset: str
    key: str


@dataclass(frozen=True, slots=True)
class Happening:
    """One occurrence of an event. Neither ``day`` nor ``open``: it must have a day and has none.

    ``weak``: only a variant of the address or a name says that it concerns this person. ``overwritten``: the store
    forgets what came before.
    """

    event: str
    day: dt.date | None = None
    open: bool = False
    weak: bool = False
    overwritten: bool = False


@dataclass(frozen=True, slots=True)
class Truth:
    """What is so of one record: its persons by address, what happened to itself and what it inherits."""

    identity: Identity
    subjects: tuple[str, ...] = ()
    happenings: tuple[Happening, ...] = ()
    values: Mapping[str, bool | Decimal | None] = field(default_factory=dict)
    parent: Identity | None = None  # the row that this one points at, and that cannot go before it


Lives = Mapping[str, tuple[Happening, ...]]
"""What happened to each person, by canonical address, over all four stores."""


def day_of(moment: dt.datetime) -> dt.date:
    """The day in Paris."""
    return moment.astimezone(PARIS).date()


def is_own(address: str) -> bool:
    """Whether an address is the company's own."""
    return address.lower().endswith(f"@{OWN_DOMAIN}")


def lives(company: Company) -> Lives:
    """Everything that happened to every person, weak matches marked as such."""
    found: dict[str, list[Happening]] = defaultdict(list)
    emails = {each.id: each.email for each in company.crm.contacts if each.tenant == JULIEN}
    for prospect in company.crm.prospects:
        if prospect.tenant == JULIEN:
            collected = prospect.collected_at and day_of(prospect.collected_at)
            found[emails[prospect.contact_id]].append(Happening("collected", collected))
    for member in company.crm.memberships:
        if member.tenant == JULIEN:
            life = found[emails[member.contact_id]]
            life.append(Happening("service_end", member.service_end, open=not member.ended))
            if member.last_intervention:
                life.append(Happening("last_intervention", day_of(member.last_intervention), overwritten=True))
    for contact in company.crm.interactions:
        if contact.tenant == JULIEN and contact.kind in INBOUND:
            found[emails[contact.contact_id]].append(Happening("last_inbound_contact", day_of(contact.occurred_at)))
    payers = {each.id: each.email.lower() for each in company.billing.customers}
    for contract in company.billing.contracts:
        running = contract.status == "running"
        found[payers[contract.customer_id]].append(Happening("contract_end", contract.ended_on, open=running))
    strangers = _contacts(company, found)
    _add_weak(company, found, strangers)
    return {email: tuple(each) for email, each in found.items()}


def _contacts(company: Company, found: dict[str, list[Happening]]) -> list[tuple[Who, Happening]]:
    """Add contacts by mail and meeting to who is known by address; returns all of them with the header's name."""
    contacts: list[tuple[Who, Happening]] = [
        (mail.sender, Happening("last_inbound_contact", day_of(mail.at)))
        for mail in company.mails
        if not mail.automatic
    ]
    for meeting in company.meetings:
        happening = Happening("last_inbound_contact", day_of(last_end(meeting)), open=meeting.endless)
        contacts += [(who, happening) for who in (meeting.organizer, *meeting.attendees)]
    contacts = [(who, each) for who, each in contacts if not is_own(who[1])]
    for (_, address), happening in contacts:
        found[address.lower()].append(happening)
    return contacts


def _add_weak(company: Company, found: dict[str, list[Happening]], contacts: list[tuple[Who, Happening]]) -> None:
    """A contact from a variant of somebody's address, or under somebody's name with another address."""
    people = [(each.email, each.first_name, each.last_name) for each in company.crm.contacts if each.tenant == JULIEN]
    people += [(each.email.lower(), each.first_name, each.last_name) for each in company.billing.customers]
    by_variant: dict[str, set[str]] = defaultdict(set)
    by_name: dict[str, set[str]] = defaultdict(set)
    for email, first, last in people:
        by_variant[_variant(email)].add(email)
        by_name[f"{first} {last}".lower()].add(email)
    for (name, address), happening in contacts:
        alike = by_variant[_variant(address)] | by_name[name.lower()]
        for email in alike - {address.lower()}:
            found[email].append(Happening(happening.event, happening.day, happening.open, weak=True))


def _variant(address: str) -> str:
    local, _, domain = address.lower().partition("@")
    return f"{slug(local.partition('+')[0])}@{domain}"


def last_end(meeting: Meeting) -> dt.datetime:
    """When the last meeting of a series ends, put-off ones included; of an endless one, the first."""
    weeks = 0
    if meeting.count:
        weeks = meeting.count - 1
    while meeting.until and _weeks_later(meeting, weeks + 1) <= meeting.until:
        weeks += 1
    starts = [_weeks_later(meeting, each) for each in range(weeks + 1)]
    if meeting.moved:
        starts[meeting.moved[0]] = meeting.moved[1]
    return max(starts) + dt.timedelta(minutes=meeting.minutes)


def _weeks_later(meeting: Meeting, weeks: int) -> dt.datetime:
    if not meeting.local:
        return meeting.start + dt.timedelta(weeks=weeks)
    wall = meeting.start.astimezone(PARIS).replace(tzinfo=None) + dt.timedelta(weeks=weeks)
    return wall.replace(tzinfo=PARIS).astimezone(dt.UTC)


def records(company: Company) -> Iterator[Truth]:
    """Every record of tenant julien in all four stores, children before their parents."""
    yield from _crm(company.crm)
    yield from _billing(company.billing)
    for mail in company.mails:
        yield Truth(Identity("mail", "messages", mail.message_id), _persons(mail))
    datasets = {"rendez-vous": "appointments", "equipe": "team"}
    for meeting in company.meetings:
        everybody = {address.lower() for _, address in (meeting.organizer, *meeting.attendees)}
        yield Truth(
            Identity("calendar", datasets[meeting.calendar], meeting.uid),
            tuple(sorted(each for each in everybody if not is_own(each))),
        )


def _persons(mail: Mail) -> tuple[str, ...]:
    return tuple(sorted({address.lower() for _, address in mail.people if not is_own(address)}))


def _crm(crm: Crm) -> Iterator[Truth]:
    emails = {each.id: each.email for each in crm.contacts if each.tenant == JULIEN}
    yield from _traces(crm, emails)
    children: dict[str, Sequence[Note | Interaction | Membership | Prospect]] = {
        "notes": crm.notes,
        "interactions": crm.interactions,
        "memberships": crm.memberships,
        "prospects": crm.prospects,
    }
    for dataset, rows in children.items():
        for row in rows:
            if row.tenant == JULIEN:
                yield Truth(Identity("crm", dataset, str(row.id)), (emails[row.contact_id],))
    for contact in crm.contacts:
        if contact.tenant == JULIEN:
            seen = (Happening("created", day_of(contact.last_ip_at)),) if contact.last_ip_at else ()
            yield Truth(Identity("crm", "contacts", str(contact.id)), (contact.email,), seen)


def _traces(crm: Crm, emails: Mapping[int, str]) -> Iterator[Truth]:
    """Visits and consents: what has a clock of its own."""
    for log in crm.web_logs:
        if log.tenant == JULIEN:
            created = (Happening("created", day_of(log.at)),)
            yield Truth(Identity("crm", "web_logs", str(log.id)), happenings=created)
    for consent in crm.consents:
        if consent.tenant == JULIEN:
            found = [Happening("consent_given", day_of(consent.given_at))]
            if consent.withdrawn_at:
                found.append(Happening("consent_withdrawn", day_of(consent.withdrawn_at)))
            identity = Identity("crm", "consents", str(consent.id))
            yield Truth(identity, (emails[consent.contact_id],), tuple(found))


def _billing(billing: Billing) -> Iterator[Truth]:
    emails = {each.id: each.email.lower() for each in billing.customers}
    invoices = {each.id: _invoice(billing, number, emails) for number, each in enumerate(billing.invoices)}
    payments = {}
    for payment in billing.payments:
        invoice = invoices[payment.invoice_id]
        found = [Happening("payment_settled", payment.settled_on, open=payment.status == "pending")]
        if payment.debited_on:
            found.append(Happening("debited", payment.debited_on))
        if payment.disputed_on:
            found.append(Happening("disputed", payment.disputed_on))
        if payment.agreed:
            found.append(Happening("agreement_start", payment.agreement_start))
            found.append(Happening("agreement_end", payment.agreement_end, open=payment.agreement_end is None))
        payments[payment.id] = Truth(
            Identity("billing", "payments", str(payment.id)),
            invoice.subjects,
            (*invoice.happenings, *found),
            {"deferred_debit": bool(payment.deferred)},
            parent=invoice.identity,
        )
    for dispute in billing.disputes:
        payment_truth = payments[dispute.payment_id]
        yield Truth(
            Identity("billing", "disputes", str(dispute.id)),
            payment_truth.subjects,
            payment_truth.happenings,
            payment_truth.values,
            parent=payment_truth.identity,
        )
    yield from payments.values()
    for line in billing.invoice_lines:
        invoice = invoices[line.invoice_id]
        identity = Identity("billing", "invoice_lines", str(line.id))
        yield Truth(identity, invoice.subjects, invoice.happenings, parent=invoice.identity)
    yield from invoices.values()
    for contract in billing.contracts:
        delivered = (Happening("delivered", contract.delivered_on),) if contract.delivered_on else ()
        yield Truth(
            Identity("billing", "contracts", str(contract.id)),
            (emails[contract.customer_id],),
            delivered,
            {"contract_amount": Decimal(contract.amount_euros)},
        )
    for customer in billing.customers:
        yield Truth(Identity("billing", "customers", str(customer.id)), (customer.email.lower(),))


def _invoice(billing: Billing, number: int, emails: Mapping[int, str]) -> Truth:
    invoice = billing.invoices[number]
    contract = Identity("billing", "contracts", str(invoice.contract_id)) if invoice.contract_id else None
    return Truth(
        Identity("billing", "invoices", str(invoice.id)),
        (emails[invoice.customer_id],),
        (
            Happening("invoice_issued", invoice.issued_on),
            Happening("fiscal_year_end", invoice.fiscal_year_end),
            Happening("payment_settled", invoice.settled_on, open=invoice.status == "sent"),
        ),
        parent=contract,
    )
