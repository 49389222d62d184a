"""The mailbox of the company: threads in French and English, as RFC 5322 messages in maildir folders."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, replace
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from pipelines.demo import texts
from pipelines.demo.crm import last_contact
from pipelines.demo.moments import AS_OF, random_instant, years_before
from pipelines.demo.people import DUE, Person, Story

OWN_DOMAIN = "julien-commerce.example"
STAFF = (
    ("Claire Lumière", f"claire@{OWN_DOMAIN}"),
    ("Hugo Lumière", f"hugo@{OWN_DOMAIN}"),
    ("Emma Slate", f"emma@{OWN_DOMAIN}"),
    ("Oliver Slate", f"oliver@{OWN_DOMAIN}"),
    ("Support", f"support@{OWN_DOMAIN}"),
)
FOLDERS = ("INBOX", "Sent", "Support", "Archive/2021", "Archive/2022", "Archive/2023")
_FIRST = dt.date(2017, 1, 1)
_YESTERDAY = AS_OF - dt.timedelta(days=1)
_POLICY = SMTP.clone(cte_type="8bit")
Who = tuple[str, str]
"""A display name, which may be empty, and an address."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that hangs on a message."""

    name: str
    kind: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """One message, before it is written. ``automatic`` is empty, `auto-reply`, `bounce` or `newsletter`."""

    number: int
    folder: str
    at: dt.datetime
    sender: Who
    to: tuple[Who, ...]
    subject: str
    body: str
    cc: tuple[Who, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    automatic: str = ""
    references: tuple[str, ...] = ()

    @property
    def message_id(self) -> str:
        """The Message-ID, which says nothing of anybody."""
        return f"<{self.number:07d}.{self.at:%Y%m%d}@mail.{OWN_DOMAIN}>"

    @property
    def people(self) -> tuple[Who, ...]:
        """Everybody in the headers."""
        return (self.sender, *self.to, *self.cc)


def render(mail: Mail) -> bytes:
    """The message as it stands in the store."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = _mailbox(mail.sender)
    message["To"] = [_mailbox(each) for each in mail.to]
    if mail.cc:
        message["Cc"] = [_mailbox(each) for each in mail.cc]
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.at)
    message["Message-ID"] = mail.message_id
    if mail.references:
        message["In-Reply-To"] = mail.references[-1]
        message["References"] = " ".join(mail.references)
    if mail.automatic == "auto-reply":
        message["Auto-Submitted"] = "auto-replied"
    elif mail.automatic == "bounce":
        message["Auto-Submitted"] = "auto-replied"
        message["Return-Path"] = "<>"
    elif mail.automatic == "newsletter":
        message["List-Id"] = "<nouvelles.example>"
        message["List-Unsubscribe"] = "<https://nouvelles.example/stop>"
        message["Precedence"] = "bulk"
    message.set_content(mail.body, cte="quoted-printable" if not mail.body.isascii() else None)
    for each in mail.attachments:
        main, _, sub = each.kind.partition("/")
        message.add_attachment(each.content, maintype=main, subtype=sub, filename=each.name)
    if mail.attachments:
        message.set_boundary(f"=_{mail.number:07d}_{mail.at:%Y%m%d}")  # a drawn one would differ at every generation
    return message.as_bytes()


def _mailbox(who: Who) -> Address:
    name, address = who
    return Address(display_name=name, addr_spec=address)


def attachment(rng: random.Random, person: Person) -> Attachment:
    """A text, a small PDF or a binary file that speaks of a person."""
    kind = rng.randrange(3)
    if kind == 0:
        text = f"Commande de {person.name}\r\n{person.street}, {person.city}\r\n{person.phone}\r\n"
        return Attachment("commande.txt", "text/plain", text.encode())
    if kind == 1:
        text = f"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\nBT ({person.email}) Tj ET\ntrailer<</Root 1 0 R>>\n%%EOF\n"
        return Attachment("devis.pdf", "application/pdf", text.encode())
    return Attachment("photo.bin", "application/octet-stream", rng.randbytes(600))


class MailBuilder:
    """Writes the mails that stories need, then fills up with ordinary threads."""

    def __init__(self, rng: random.Random) -> None:
        self.mails: list[Mail] = []
        self._rng = rng

    def add(self, mail: Mail) -> Mail:
        """One more message, numbered here."""
        numbered = replace(mail, number=len(self.mails) + 1)
        self.mails.append(numbered)
        return numbered

    def add_story(self, person: Person) -> None:
        """The messages without which the story would not be true."""
        recent, old = (years_before(2), _YESTERDAY), (_FIRST, years_before(4))
        match person.story:
            case Story.PROSPECT_MAILED:
                self.thread(person, *recent, length=1)
            case Story.PROSPECT_OUTBOUND:
                self.thread(person, *recent, length=1, opened_by_us=True)
            case Story.PROSPECT_PLUS:
                local, _, domain = person.email.partition("@")
                self._receive(person, (person.name, f"{local}+promo@{domain}"), *recent)
            case Story.PROSPECT_NAMESAKE:
                self._receive(person, (person.name, f"contact{person.number}@nouveau.example"), *recent)
            case Story.PROSPECT_AUTOMATIC:
                self._receive(person, (person.name, person.email), *recent, automatic="auto-reply")
            case Story.CLIENT_HELD | Story.CLIENT_DUE | Story.CLIENT_LONG_GONE | Story.CLIENT_END_MISSING:
                self.thread(person, *old, length=2)
            case Story.CLIENT_RUNNING:
                self.thread(person, *recent, length=3)
            case _:
                pass

    def add_shared(self, first: Person, second: Person) -> None:
        """A message to two persons, of whom one may be due and the other alive."""
        rng = self._rng
        at = random_instant(rng, _FIRST, min(last_contact(first), last_contact(second)))
        sender = rng.choice(STAFF)
        body = texts.letter(rng, first, sender[0], theirs=False) + f"\ncc {second.name}, {second.phone}\n"
        self.add(
            Mail(
                0, "Sent", at, sender, ((first.name, first.email),), texts.subject(rng, first.language), body,
                cc=((second.name, second.email),), attachments=(attachment(rng, first),),
            )
        )  # fmt: skip

    def thread(self, person: Person, first: dt.date, last: dt.date, *, length: int, opened_by_us: bool = False) -> None:
        """A conversation between a person and a colleague, within these days."""
        rng = self._rng
        at, colleague = random_instant(rng, first, last), rng.choice(STAFF)
        subject, theirs = texts.subject(rng, person.language), not opened_by_us
        references: tuple[str, ...] = ()
        them: Who = (person.name if rng.random() < 0.85 else "", person.email)  # noqa: PLR2004 - some give no name
        for turn in range(length):
            moment = at + dt.timedelta(hours=5 * turn)
            if turn and moment.date() > last:
                break
            mail = self.add(
                Mail(
                    number=0,
                    folder=self._folder(moment, colleague, theirs=theirs),
                    at=moment,
                    sender=them if theirs else colleague,
                    to=(colleague if theirs else them,),
                    cc=(rng.choice(STAFF[:4]),) if rng.random() < 0.1 else (),  # noqa: PLR2004 - a tenth
                    subject=subject if turn == 0 else f"Re: {subject}",
                    body=texts.letter(rng, person, colleague[0], theirs=theirs),
                    attachments=(attachment(rng, person),) if rng.random() < 0.2 else (),  # noqa: PLR2004 - a fifth
                    references=references,
                )
            )
            references, theirs = (*references, mail.message_id), not theirs

    def fill(self, people: list[Person], count: int) -> None:
        """Ordinary mail until there are ``count`` messages."""
        rng = self._rng
        living = [each for each in people if each.story not in DUE]
        while len(self.mails) < count:
            draw = rng.random()
            if draw < 0.03:  # noqa: PLR2004 - shares of ordinary mail, here and below
                self._newsletter()
            elif draw < 0.05:  # noqa: PLR2004
                self._bounce(rng.choice(living))
            elif draw < 0.07:  # noqa: PLR2004
                self._internal()
            elif draw < 0.15 and len(living) > 1:  # noqa: PLR2004
                self.add_shared(*rng.sample(people, 2))
            else:
                person = rng.choice(people)
                last = last_contact(person)
                length = min(rng.choice((1, 2, 2, 3, 4)), count - len(self.mails))
                ours = person.story is Story.PROSPECT_OUTBOUND
                self.thread(person, _FIRST, last, length=1 if ours else length, opened_by_us=ours)

    def _folder(self, at: dt.datetime, colleague: Who, *, theirs: bool) -> str:
        if not theirs:
            return "Sent"
        if f"Archive/{at.year}" in FOLDERS:
            return f"Archive/{at.year}"
        return "Support" if colleague is STAFF[-1] else "INBOX"

    def _receive(self, person: Person, sender: Who, first: dt.date, last: dt.date, automatic: str = "") -> None:
        rng = self._rng
        colleague = rng.choice(STAFF)
        body = texts.letter(rng, person, colleague[0], theirs=True)
        if automatic:
            body = "Je suis absent. / I am out of office.\n"
        at = random_instant(rng, first, last)
        subject = texts.subject(rng, person.language)
        folder = self._folder(at, colleague, theirs=True)
        self.add(Mail(0, folder, at, sender, (colleague,), subject, body, automatic=automatic))

    def _newsletter(self) -> None:
        at = random_instant(self._rng, _FIRST, _YESTERDAY)
        body = "Les nouvelles du bâtiment. / News from the building trade.\n"
        sender = ("Nouvelles", "lettre@nouvelles.example")
        self.add(Mail(0, "INBOX", at, sender, (STAFF[0],), "Nouvelles", body, automatic="newsletter"))

    def _bounce(self, person: Person) -> None:
        rng = self._rng
        at = random_instant(rng, _FIRST, last_contact(person))
        sender = ("Mail Delivery System", f"mailer-daemon@{OWN_DOMAIN}")
        body = f"Undelivered: the mailbox {person.email} is full.\n"
        self.add(Mail(0, "INBOX", at, sender, (STAFF[0],), "Undelivered Mail", body, automatic="bounce"))

    def _internal(self) -> None:
        rng = self._rng
        sender, to = rng.sample(STAFF, 2)
        at = random_instant(rng, _FIRST, _YESTERDAY)
        self.add(Mail(0, "Sent", at, sender, (to,), "Planning", "Réunion à 10 h. / Meeting at ten.\n"))
