"""Planting canaries on persons of whom every trace is due; `expectations.canaries` looks for them."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace

from expectations.canaries import Canaries
from pipelines.demo.billing import Billing, Contract, Customer, Invoice, InvoiceLine, Payment
from pipelines.demo.calendar import CALENDARS, Meeting
from pipelines.demo.company import Company
from pipelines.demo.crm import JULIEN, Consent, Contact, Interaction, Membership, Note, Prospect, WebLog
from pipelines.demo.mail import STAFF, Attachment, Mail
from pipelines.demo.moments import AS_OF, at_paris, seeded, years_before
from pipelines.demo.people import card_number

_OLD = dt.date(2015, 3, 2)


class _Planter:
    """Plants one person's values; each is remembered."""

    def __init__(self, company: Company, rng: random.Random) -> None:
        self.company = company
        self.values: list[str] = []
        self._rng = rng

    def word(self, prefix: str) -> str:
        """A word that nobody has ever written."""
        word = prefix + "".join(self._rng.choices("bcdfghjklmnpqrstvwxz", k=11))
        self.values.append(word)
        return word

    def card(self) -> str:
        """A card number."""
        self.values.append(card_number(self._rng))
        return self.values[-1]

    def person(self) -> tuple[Contact, str]:
        """A contact of unique name, address and telephone number, with its display name."""
        crm, rng = self.company.crm, self._rng
        first, last = self.word("Zéphyrin").capitalize(), self.word("Qu").capitalize()
        email = f"{self.word('x')}@canari.example"
        number = f"+999 {rng.randrange(10**6):06d} {rng.randrange(10**6):06d}"
        self.values += [number, f"{first} {last}", email]
        contact = Contact(
            id=len(crm.contacts) + 1, tenant=JULIEN, company_id=None, email=email, first_name=first, last_name=last,
            phone=number, job_title=self.word("métier "), birth_date=dt.date(1970, 1, 1), street=self.word("rue "),
            postcode="75001", city=self.word("Ville-"), region="Bretagne", segment="retail", locale="fr",
            created_at=at_paris(_OLD), last_ip="192.0.2.77", last_ip_at=at_paris(years_before(2)),
        )  # fmt: skip
        crm.contacts.append(contact)
        return contact, f"{first} {last}"

    def traces(self, contact: Contact, name: str) -> None:
        """Interactions, notes, a withdrawn consent and visits, all old."""
        crm, at = self.company.crm, at_paris(_OLD)
        about = f"{name} <{contact.email}> {contact.phone}"
        crm.interactions.append(
            Interaction(len(crm.interactions) + 1, JULIEN, contact.id, "call in", at, "phone", f"Appel de {about}")
        )
        note = f"{about}\nÀ rappeler : {self.word('note')}"
        crm.notes.append(Note(len(crm.notes) + 1, JULIEN, contact.id, "claire", note, at_paris(years_before(1))))
        crm.consents.append(
            Consent(len(crm.consents) + 1, JULIEN, contact.id, "newsletter", about, at, at + dt.timedelta(days=30))
        )
        url = f"https://www.julien-commerce.example/?q={self.word('visite')}"
        crm.web_logs.append(
            WebLog(len(crm.web_logs) + 1, JULIEN, contact.id, "192.0.2.78", self.word("agent"), url, None,
                   at_paris(years_before(2)))
        )  # fmt: skip

    def letters(self, contact: Contact, name: str) -> None:
        """An old mail from the person with an attachment, our answer, and an old meeting."""
        mails, at = self.company.mails, at_paris(dt.date(2019, 5, 6))
        them, us = (name, contact.email), STAFF[0]
        body = f"Bonjour Éléonore,\n\n{self.word('lettre')} {name}, {contact.phone}\n{contact.street}\n" + "très " * 40
        secret = f"Pièce jointe de {name}\r\n{self.word('pièce')}\r\n".encode()
        files = tuple(
            Attachment(f"{self.word('fichier')}.{end}", kind, secret)
            for end, kind in (("txt", "text/plain"), ("pdf", "application/pdf"), ("bin", "application/octet-stream"))
        )
        asked = Mail(len(mails) + 1, "INBOX", at, them, (us,), self.word("sujet "), body, attachments=files)
        mails.append(asked)
        answer = replace(
            asked, number=len(mails) + 1, folder="Sent", at=at + dt.timedelta(days=1), sender=us, to=(them,),
            subject=f"Re: {asked.subject}", attachments=(), references=(asked.message_id,),
        )  # fmt: skip
        mails.append(answer)
        words = [self.word("réunion "), self.word("ordre du jour "), self.word("salle ")]
        uid = f"{self._rng.getrandbits(64):016x}-canary"
        self.company.meetings.append(
            Meeting(
                uid, CALENDARS[0], at, 60, f"{words[0]} {name}", f"{words[1]} {contact.phone}", us, (them,), words[2]
            )
        )


def plant(company: Company, seed: int) -> Canaries:
    """Add a prospect, a member and a client, each due in every store, with unique values; returns these."""
    planter = _Planter(company, seeded(seed, "canaries"))
    crm = company.crm
    for kind in ("prospect", "member", "client"):
        contact, name = planter.person()
        if kind == "prospect":
            crm.prospects.append(Prospect(len(crm.prospects) + 1, JULIEN, contact.id, "form", at_paris(_OLD), 50))
        elif kind == "member":
            crm.memberships.append(
                Membership(
                    len(crm.memberships) + 1, JULIEN, contact.id, ended=True, service_end=_OLD, last_intervention=None
                )
            )
        else:
            _add_client(company.billing, planter, contact, name)
        planter.traces(contact, name)
        planter.letters(contact, name)
    return Canaries(tuple(dict.fromkeys(planter.values)))


def _add_client(billing: Billing, planter: _Planter, contact: Contact, name: str) -> None:
    """A client of eleven years ago, of whom not even the invoice has to be kept."""
    day = dt.date(AS_OF.year - 12, 5, 5)
    card = planter.card()
    customer = Customer(
        len(billing.customers) + 1, contact.email, contact.first_name, contact.last_name, contact.phone, None,
        contact.street, contact.postcode, contact.city, contact.region,
    )  # fmt: skip
    billing.customers.append(customer)
    number, end = planter.word("C-"), day + dt.timedelta(days=90)
    billing.contracts.append(
        Contract(len(billing.contracts) + 1, customer.id, number, name, day, end, "closed", 480, day)
    )
    invoice = Invoice(
        len(billing.invoices) + 1, customer.id, len(billing.contracts), planter.word("F-"), name,
        f"{contact.street}, {contact.city}", contact.region, day, dt.date(day.year, 12, 31), day, "settled", 4200,
        "EUR",
    )  # fmt: skip
    billing.invoices.append(invoice)
    line = InvoiceLine(len(billing.invoice_lines) + 1, invoice.id, planter.word("gravure "), 1, 4200)
    billing.invoice_lines.append(line)
    billing.payments.append(
        Payment(
            id=len(billing.payments) + 1, invoice_id=invoice.id, reference=planter.word("P-"), cardholder=name,
            card_pan=card, card_expiry="01/16", card_cvv="123", amount_cents=4200, status="settled", debited_on=day,
            settled_on=day, deferred=0, disputed_on=None, agreed=0, agreement_start=None, agreement_end=None,
        )
    )  # fmt: skip
