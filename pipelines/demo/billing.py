"""Billing: customers, contracts, invoices, card payments and disputes, as rows for SQLite."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pipelines.demo import texts
from pipelines.demo.moments import AS_OF, random_day, years_before
from pipelines.demo.people import Person, Story, card_number

_FIRST = dt.date(2011, 1, 1)
_YESTERDAY = AS_OF - dt.timedelta(days=1)
_DAY = dt.timedelta(days=1)


class Customer(NamedTuple):
    """A row of `customers`."""

    id: int
    email: str
    first_name: str
    last_name: str
    phone: str | None
    company: str | None
    street: str | None
    postcode: str | None
    city: str | None
    region: str


class Contract(NamedTuple):
    """A row of `contracts`; a closed one must have an end, and sometimes has none. Sold online if it was delivered."""

    id: int
    customer_id: int
    number: str | None
    signed_by: str | None
    started_on: dt.date
    ended_on: dt.date | None
    status: str
    amount_euros: int
    delivered_on: dt.date | None


class Invoice(NamedTuple):
    """A row of `invoices`; the fiscal year is the calendar year."""

    id: int
    customer_id: int
    contract_id: int | None
    number: str | None
    billed_to: str | None
    billed_address: str | None
    region: str
    issued_on: dt.date
    fiscal_year_end: dt.date
    settled_on: dt.date | None
    status: str
    total_cents: int
    currency: str


class InvoiceLine(NamedTuple):
    """A row of `invoice_lines`."""

    id: int
    invoice_id: int
    description: str | None
    quantity: int
    amount_cents: int


class Payment(NamedTuple):
    """A row of `payments`: a card debit, its dispute, and the agreement to keep the card."""

    id: int
    invoice_id: int
    reference: str | None
    cardholder: str | None
    card_pan: str | None
    card_expiry: str | None
    card_cvv: str | None
    amount_cents: int
    status: str
    debited_on: dt.date | None
    settled_on: dt.date | None
    deferred: int
    disputed_on: dt.date | None
    agreed: int
    agreement_start: dt.date | None
    agreement_end: dt.date | None


class Dispute(NamedTuple):
    """A row of `disputes`."""

    id: int
    payment_id: int
    opened_on: dt.date
    reason: str | None


@dataclass(slots=True)
class Billing:
    """Every row of the billing system, parents before children."""

    customers: list[Customer] = field(default_factory=list)
    contracts: list[Contract] = field(default_factory=list)
    invoices: list[Invoice] = field(default_factory=list)
    invoice_lines: list[InvoiceLine] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    disputes: list[Dispute] = field(default_factory=list)

    def tables(self) -> Iterator[tuple[str, tuple[str, ...], Sequence[tuple[object, ...]]]]:
        """Name, columns and rows of each table, in an order that foreign keys accept."""
        yield "customers", Customer._fields, self.customers
        yield "contracts", Contract._fields, self.contracts
        yield "invoices", Invoice._fields, self.invoices
        yield "invoice_lines", InvoiceLine._fields, self.invoice_lines
        yield "payments", Payment._fields, self.payments
        yield "disputes", Dispute._fields, self.disputes


@dataclass(frozen=True, slots=True)
class _Card:
    """What became of one card debit, relative to its day."""

    pending: bool = False
    agreed: bool = False
    withdrawn: bool = False
    disputed: bool = False
    deferred: bool = False


_CARDS = (
    (_Card(), 70),
    (_Card(agreed=True), 12),
    (_Card(agreed=True, withdrawn=True), 6),
    (_Card(agreed=True, withdrawn=True, disputed=True), 3),
    (_Card(agreed=True, withdrawn=True, disputed=True, deferred=True), 3),
    (_Card(disputed=True), 3),
    (_Card(deferred=True), 3),
)
_RECENT_CARDS = (*_CARDS, (_Card(pending=True), 40))


class BillingBuilder:
    """Fills a `Billing` from clients and their stories."""

    def __init__(self, rng: random.Random) -> None:
        self.billing = Billing()
        self._rng = rng
        self._edges = {Story.CLIENT_DUE: years_before(3) - _DAY, Story.CLIENT_ENDED: years_before(3)}

    def add_customer(self, person: Person) -> Customer:
        """One customer with contracts, invoices and payments as the story has it."""
        rng, billing = self._rng, self.billing
        customer = Customer(
            id=len(billing.customers) + 1,
            email=person.email if rng.random() < 0.8 else person.email.title(),  # noqa: PLR2004 - typed by hand
            first_name=person.first_name,
            last_name=person.last_name,
            phone=person.phone,
            company=f"Atelier {person.last_name}" if rng.random() < 0.15 else None,  # noqa: PLR2004 - some trade
            street=person.street,
            postcode=person.postcode,
            city=person.city,
            region=person.region,
        )
        billing.customers.append(customer)
        for start, end, status in self._terms(person.story):
            contract = self._add_contract(customer, start, end, status)
            last = end or (_YESTERDAY if status == "running" else years_before(4))
            for _ in range(rng.choice((1, 1, 2, 2, 3))):
                self._add_invoice(person, customer, contract, random_day(rng, start, min(last, _YESTERDAY)))
        return customer

    def _terms(self, story: Story) -> Iterator[tuple[dt.date, dt.date | None, str]]:
        """Start, end and status of each contract."""
        rng = self._rng
        if story is Story.CLIENT_RUNNING:
            first = random_day(rng, _FIRST, years_before(1))
            if rng.random() < 0.3:  # noqa: PLR2004 - an earlier contract has ended long ago
                yield first, random_day(rng, first + 90 * _DAY, max(first + 91 * _DAY, years_before(1))), "closed"
            planned = rng.random() < 0.2  # noqa: PLR2004 - the end is agreed and lies ahead
            ends = random_day(rng, AS_OF + 30 * _DAY, AS_OF + 900 * _DAY) if planned else None
            yield random_day(rng, years_before(4), years_before(1)), ends, "running"
            return
        if story is Story.CLIENT_END_MISSING:
            yield random_day(rng, _FIRST, years_before(5)), None, "closed"
            return
        if story is Story.CLIENT_ENDED:
            end = random_day(rng, years_before(3) + _DAY, _YESTERDAY)
        elif story is Story.CLIENT_LONG_GONE:
            end = random_day(rng, dt.date(2012, 2, 1), dt.date(2015, 12, 31))
        else:
            end = random_day(rng, dt.date(2017, 1, 1), years_before(4))
        end = self._edges.pop(story, end)
        start = max(_FIRST, end - rng.randrange(100, 1500) * _DAY)
        if rng.random() < 0.25:  # noqa: PLR2004 - a quarter had two
            yield start, start + 60 * _DAY, "closed"
        yield start, end, "closed"

    def _add_contract(self, customer: Customer, start: dt.date, end: dt.date | None, status: str) -> Contract:
        number = len(self.billing.contracts) + 1
        signature = f"{customer.first_name} {customer.last_name}"
        label = f"C-{start.year}-{number:05d}"
        delivered = start if self._rng.random() < 0.5 else None  # noqa: PLR2004 - every other one was sold online
        amount = self._rng.choice((60, 119, 120, 480, 2500))
        row = Contract(number, customer.id, label, signature, start, end, status, amount, delivered)
        self.billing.contracts.append(row)
        return row

    def _add_invoice(self, person: Person, customer: Customer, contract: Contract, issued: dt.date) -> None:
        rng, billing = self._rng, self.billing
        number = len(billing.invoices) + 1
        amounts = [rng.randrange(900, 90_000) for _ in range(rng.choice((1, 1, 2, 3)))]
        settled = issued + rng.randrange(1, 45) * _DAY
        open_still = settled > _YESTERDAY or (issued > years_before(1) and rng.random() < 0.05)  # noqa: PLR2004
        billing.invoices.append(
            Invoice(
                id=number,
                customer_id=customer.id,
                contract_id=contract.id,
                number=f"F{issued.year}{number:06d}",
                billed_to=person.name,
                billed_address=f"{person.street}, {person.postcode} {person.city}",
                region=person.region,
                issued_on=issued,
                fiscal_year_end=dt.date(issued.year, 12, 31),
                settled_on=None if open_still else settled,
                status="sent" if open_still else "settled",
                total_cents=sum(amounts),
                currency="EUR",
            )
        )
        for amount in amounts:
            quantity = rng.randrange(1, 9)
            row = InvoiceLine(len(billing.invoice_lines) + 1, number, "Ardoise / slate", quantity, amount)
            billing.invoice_lines.append(row)
        if rng.random() < 0.8:  # noqa: PLR2004 - the rest is paid by transfer
            self._add_payment(person, number, issued, None if open_still else settled, sum(amounts))

    def _add_payment(self, person: Person, invoice: int, issued: dt.date, settled: dt.date | None, cents: int) -> None:
        rng, billing = self._rng, self.billing
        cards = _RECENT_CARDS if settled is None or settled > AS_OF - 60 * _DAY else _CARDS
        card = rng.choices([each for each, _ in cards], [weight for _, weight in cards])[0]
        if settled is None:
            card, settled = _Card(pending=True), issued
        debited = min(settled + (25 if card.deferred else 0) * _DAY, _YESTERDAY)
        disputed = min(debited + rng.randrange(1, 40) * _DAY, _YESTERDAY) if card.disputed else None
        withdrawn = random_day(rng, issued + _DAY, min(issued + 700 * _DAY, _YESTERDAY)) if card.withdrawn else None
        if disputed and withdrawn:
            withdrawn = max(withdrawn, disputed)
        number = len(billing.payments) + 1
        billing.payments.append(
            Payment(
                id=number,
                invoice_id=invoice,
                reference=f"P{number:07d}",
                cardholder=person.name,
                card_pan=card_number(rng),
                card_expiry=f"{rng.randrange(1, 13):02d}/{(issued.year + rng.randrange(1, 4)) % 100:02d}",
                card_cvv=f"{rng.randrange(1000):03d}",
                amount_cents=cents,
                status="pending" if card.pending else "settled",
                debited_on=None if card.pending else debited,
                settled_on=None if card.pending else settled,
                deferred=int(card.deferred),
                disputed_on=disputed,
                agreed=int(card.agreed),
                agreement_start=issued if card.agreed else None,
                agreement_end=withdrawn,
            )
        )
        if disputed:
            reason = rng.choice(texts.REASONS[person.language])
            billing.disputes.append(Dispute(len(billing.disputes) + 1, number, disputed, reason))
