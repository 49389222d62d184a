"""Seven due records and seven not due ones, added to running stores across all four of them.

They concern persons whom nobody knew before, or rows whose own clock is all that counts, so that nothing else changes:
after the next run exactly the seven have gone or been anonymised.
"""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass

from pipelines.demo.billing import Payment
from pipelines.demo.calendar import CALENDARS, Meeting
from pipelines.demo.crm import JULIEN, Consent, Contact, Interaction, WebLog
from pipelines.demo.mail import STAFF, Mail
from pipelines.demo.moments import AS_OF, at_paris, years_before
from pipelines.demo.people import Story
from pipelines.demo.seeding import (
    connect_crm,
    copy_rows,
    insert_rows,
    open_billing,
    seed_calendars,
    seed_mail,
)
from pipelines.demo.stores import CALENDAR_USER, MAIL_USER, DemoStores
from pipelines.demo.truth import Identity

_RECENT = AS_OF - dt.timedelta(days=20)
_LONG_AGO = years_before(6)
_APART = 10**6
"""How far the keys of added rows lie from those that are there, or have been."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One added record. ``deleted``: it goes as a whole when it is due; else it is anonymised in place."""

    identity: Identity
    due: bool
    deleted: bool


def add_probes(stores: DemoStores) -> tuple[Probe, ...]:
    """Add the fourteen records; the stores must be running."""
    mark = secrets.token_hex(4)
    probes = [*_crm(stores, mark), *_billing(stores, mark)]
    for due, day in ((True, _LONG_AGO), (False, _RECENT)):
        word = f"probe{mark}{'old' if due else 'new'}"
        them = (f"Probe {word}", f"{word}@probe.example")
        number = secrets.randbelow(10**6) + 10**6
        mail = Mail(number, "INBOX", at_paris(day), (them[0], f"mail{them[1]}"), STAFF[:1], "Probe", "Bonjour\n")
        seed_mail(stores.imap, MAIL_USER, [mail])
        probes.append(Probe(Identity("mail", "messages", mail.message_id), due, deleted=True))
        who = (them[0], f"met{them[1]}")
        meeting = Meeting(word, CALENDARS[0], at_paris(day), 30, "Probe", "Probe", STAFF[0], (who,))
        seed_calendars(stores.caldav, CALENDAR_USER, [meeting])
        probes.append(Probe(Identity("calendar", "appointments", word), due, deleted=True))
    return tuple(probes)


def _crm(stores: DemoStores, mark: str) -> list[Probe]:
    """A contact with an interaction, a visit and a consent, each of both kinds."""
    with connect_crm(stores.crm_admin) as connection:

        def following(table: str) -> int:
            found = connection.execute(f"SELECT max(id) FROM {table}".encode()).fetchone()  # noqa: S608
            return int(str(found[0])) + _APART if found else _APART

        numbers = {table: following(table) for table in ("contacts", "interactions", "web_logs", "consents")}
        known = connection.execute(
            "SELECT id FROM contacts WHERE tenant = %s AND email = %s", [JULIEN, _quiet_member(stores)]
        ).fetchone()
        if known is None:
            raise LookupError("the member whose consent is probed is not in the CRM")
        member = int(str(known[0]))
        contacts, interactions, logs, consents = [], [], [], []
        probes = []
        for step, (due, day) in enumerate(((True, _LONG_AGO), (False, _RECENT))):
            ids = {table: number + step for table, number in numbers.items()}
            at = at_paris(day)
            contacts.append(_contact(ids["contacts"], f"{mark}{'old' if due else 'new'}"))
            interactions.append(
                Interaction(ids["interactions"], JULIEN, ids["contacts"], "call in", at, "phone", "Probe")
            )
            logs.append(WebLog(ids["web_logs"], JULIEN, None, "192.0.2.1", "probe", "https://probe.example", None, at))
            given = at - dt.timedelta(days=1000)
            consents.append(Consent(ids["consents"], JULIEN, member, "newsletter", "probe", given, at))
            probes += [
                Probe(Identity("crm", table, str(number)), due, deleted=table in {"web_logs", "consents"})
                for table, number in ids.items()
            ]
        copy_rows(connection, ("contacts", Contact._fields, contacts))
        copy_rows(connection, ("interactions", Interaction._fields, interactions))
        copy_rows(connection, ("web_logs", WebLog._fields, logs))
        copy_rows(connection, ("consents", Consent._fields, consents))
    return probes


def _contact(number: int, word: str) -> Contact:
    return Contact(
        id=number, tenant=JULIEN, company_id=None, email=f"probe{word}@probe.example", first_name="Probe",
        last_name=f"Row{word}", phone=None, job_title=None, birth_date=None, street=None, postcode=None, city=None,
        region="Bretagne", segment="retail", locale="fr", created_at=at_paris(_LONG_AGO), last_ip="192.0.2.2",
        last_ip_at=at_paris(_RECENT),
    )  # fmt: skip


def _quiet_member(stores: DemoStores) -> str:
    """The address of a running member who was never in touch: only the consent's own days count for its proof."""
    company = stores.company
    emails = {each.id: each.email for each in company.crm.contacts if each.tenant == JULIEN}
    touched = {emails[each.contact_id] for each in company.crm.interactions if each.contact_id in emails}
    touched |= {address for each in company.mails for _, address in each.people}
    touched |= {address for each in company.meetings for _, address in each.attendees}
    running = (each.email for each in company.people if each.story is Story.MEMBER_RUNNING)
    return next(email for email in running if email not in touched)


def _billing(stores: DemoStores, mark: str) -> list[Probe]:
    """Two debits of invoices that are kept: one settled, one still pending."""
    kept = next(each for each in reversed(stores.company.billing.invoices) if _is_recent(each.issued_on))
    with open_billing(stores.billing) as connection:
        (number,) = connection.execute("SELECT max(id) + 1 FROM payments").fetchone()
        settled = Payment(
            id=number, invoice_id=kept.id, reference=f"P-{mark}-old", cardholder="Probe", card_pan="4000000000000002",
            card_expiry="01/30", card_cvv="123", amount_cents=100, status="settled", debited_on=_RECENT,
            settled_on=_RECENT, deferred=0, disputed_on=None, agreed=0, agreement_start=None, agreement_end=None,
        )  # fmt: skip
        pending = settled._replace(id=number + 1, reference=f"P-{mark}-new", status="pending", settled_on=None)
        insert_rows(connection, ("payments", Payment._fields, (settled, pending)))
    return [
        Probe(Identity("billing", "payments", str(settled.id)), due=True, deleted=False),
        Probe(Identity("billing", "payments", str(pending.id)), due=False, deleted=False),
    ]


def _is_recent(day: dt.date) -> bool:
    return years_before(5) < day < years_before(1)
