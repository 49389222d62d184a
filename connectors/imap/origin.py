"""Whether a message is an act of the person in its From, by rules over its header: a table, one rule a line.

The strictest rule that holds decides: `Contact.NONE` (a machine's doing) before `Contact.WEAK` (nobody can tell from
the header) before `Contact.STRONG`. A rule says none only where a standard, or the system that writes the header,
leaves no doubt that no person wrote just then; all else is weak, since one miss destroys a living contact.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from connectors.imap.headers import Fields, decoded
from connectors.participants import Contact


@dataclass(frozen=True, slots=True)
class Letter:
    """A message's header with its authors: the (display name, address) pairs of From."""

    fields: Fields
    authors: tuple[tuple[str, str], ...]

    @property
    def subject(self) -> str:
        """The decoded subject; nothing of it is kept."""
        return decoded(" ".join(self.fields.all("Subject")[:1]))

    @property
    def answers(self) -> bool:
        """Whether it belongs to a thread (RFC 5322, 3.6.4)."""
        return "In-Reply-To" in self.fields or "References" in self.fields

    def by(self, pattern: re.Pattern[str], *names: str) -> bool:
        """Whether an author's address matches, or one in these fields."""
        people = [*self.authors, *(pair for name in names for pair in self.fields.people(name))]
        return any(pattern.match(address) for _, address in people)


@dataclass(frozen=True, slots=True)
class Rule:
    """``contact``: the most that the message counts for its author when the rule holds.

    ``behind``: somebody else may have caused it, who is named in Reply-To (a form on a website, a notification).
    """

    name: str
    contact: Contact
    holds: Callable[[Letter], bool]
    behind: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """``contact`` for the authors, ``behind`` for others who may have written, and the rules that say so."""

    contact: Contact
    behind: Contact
    rules: tuple[str, ...]


def origin(letter: Letter) -> Origin:
    """Apply every rule."""
    held = [rule for rule in RULES if rule.holds(letter)]
    names = tuple(rule.name for rule in held)
    nones = [rule for rule in held if rule.contact is Contact.NONE]
    if nones:
        behind = Contact.WEAK if all(rule.behind for rule in nones) else Contact.NONE
        return Origin(Contact.NONE, behind, names)
    return Origin(Contact.WEAK if held else Contact.STRONG, Contact.WEAK, names)


# -- what the rules look at

_DAEMON = re.compile(
    r"(mailer-daemon|mail-daemon|mailerdaemon|bounces?|auto[._-]?(reply|responder|respond|r[ée]ponse))([+._=-]|@|$)",
    re.IGNORECASE,
)
_NO_REPLY = re.compile(
    r"([^@]*[+._-])?(not?[._-]?(reply|response)|do[._-]?not[._-]?reply|ne[._-]?pas[._-]?r[eé]pondre"
    r"|(pas[._-]?de|sans)[._-]?r[eé]ponse)"
    r"([+._=-]|@|$)",
    re.IGNORECASE,
)
_OFFICE = re.compile(
    r"(postmaster|newsletter|news|notifications?|alertes?|alerts?|mailing|listserv|majordomo|sympa|calendar-notification)"
    r"([+._=-]|@|$)",
    re.IGNORECASE,
)
_LIST_OWNER = re.compile(r"(owner-[^@]+|[^@]+-(owner|bounces?|request|admin))(\+[^@]*)?@", re.IGNORECASE)
_VIA = re.compile(r"\s(via|par l.interm[ée]diaire de)\s|\(via\s", re.IGNORECASE)
_EVERYBODYS = re.compile(r":AmazonSES$")
"""The end of a Feedback-ID that a delivery service sets on every message, letters too."""
_CALENDAR = re.compile(r"calendar-notification@google\.com$", re.IGNORECASE)

_ANSWER = re.compile(r"^\s*(re|r[ée]p|tr|fwd?|aw|ref|antw|sv|wg)\s*(\[\d+\])?\s*:", re.IGNORECASE)
_AWAY = re.compile(
    r"^\W*(r[ée]ponse automatique|message (automatique|d.absence)|absences?\b|absente?\b|en cong[ée]|cong[ée]s?\b"
    r"|indisponible\b|fermeture (annuelle|estivale|exceptionnelle)|vacances\b"
    r"|accus[ée] (automatique )?de (bonne )?r[ée]ception|auto(matic)?\W?(reply|response|responder|antwort)\b"
    r"|auto\s?:|automatically generated|out[ -]of[ -](the )?office|ooo\b|away (from|until)|vacation\b"
    r"|on (annual |sick |maternity |parental )?leave"
    r"|automati(sch|sche) (antwoord|antwort)|abwesen|afwezig|r[ei]spuesta autom|risposta automatica|resposta autom)"
    r"|\b(is|am|be|currently) (out of|away from) (the |my )?office\b|\best absente?\b"
    r"|\bje (suis|serai) (actuellement )?(absente?|en (cong[ée]|vacances)|indisponible)|\bd.absence du bureau\b"
    r"|\bbien (été )?re[cç]ue?s?\b|\b(have|has been) received\b",
    re.IGNORECASE,
)
_RETURNED = re.compile(
    r"^\W*(non remis\w*|undeliver\w+|delivery (status notification|failure|has failed|delayed)|mail delivery"
    r"|failure notice|returned mail|[ée]chec d|(message|courrier) non (distribu|remis|d[ée]livr)"
    r"|notification d.[ée]tat de remise|(rapport|avis|notification|message) de non[ -](remise|distribution)"
    r"|non[ -]?distribu|retour(n[ée])? [àa] l.exp[ée]diteur|message delivery|(read|return|delivery) receipt"
    r"|(lu|non lu|read|not read|remis|relay[ée]e?d?|delivered|accus[ée] de lecture|confirmation de lecture)\s*:)",
    re.IGNORECASE,
)
_RESPONDERS = (
    "X-Autoreply", "X-Auto-Reply", "X-Autorespond", "X-Autoresponder", "X-AutoReply-From", "X-Mail-Autoreply",
    "X-Vacation", "X-Vacation-Reply", "X-Autogenerated", "X-FC-MachineGenerated", "X-Cron-Env",
)  # fmt: skip
_BY_RULE = (
    "X-MS-Exchange-Generated-Message-Source", "X-MS-Exchange-Inbox-Rules-Loop",
    "X-MS-Exchange-Organization-AutoForwarded",
)  # fmt: skip
_NO = {"", "no", "none", "false", "0"}
_CAMPAIGNS = (
    "X-Campaign", "X-CampaignID", "X-Campaign-ID", "X-MC-User", "X-Mailin-Campaign", "X-Mailin-EID", "X-MJ-Mid",
    "X-CSA-Complaints", "X-Mailgun-Tag", "X-SFMC-Stack", "X-Sarbacane-ID", "X-ACYM",
)  # fmt: skip
_LISTS = ("Mailing-List", "X-Mailing-List", "X-BeenThere", "X-Mailman-Version", "X-Google-Group-Id", "X-Sympa-To")
_RESENT = ("Resent-From", "Resent-Sender", "Resent-Date", "Resent-To")

MENTIONED = (
    "Auto-Submitted", "Precedence", "List-Id", "List-Post", "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID",
    "X-Auto-Response-Suppress", "Return-Path", "Content-Type", "Content-Class", "Subject", "In-Reply-To", "References",
    "X-Failed-Recipients", "X-MS-Exchange-Message-Is-Ndr", "X-Precedence", "X-POST-MessageClass", "Delivered-To",
    "List-Subscribe", "List-Owner", "List-Archive", *_RESPONDERS, *_BY_RULE, *_CAMPAIGNS, *_LISTS, *_RESENT,
)  # fmt: skip
"""The fields that the rules look at, besides the addresses."""


def _submitted(letter: Letter) -> set[str]:
    return letter.fields.tokens("Auto-Submitted") - _NO


def _automatic_answer(letter: Letter) -> bool:
    """RFC 3834, 5: auto-replied, auto-notified (RFC 5436), and every value that is not known."""
    return bool(_submitted(letter) - {"auto-generated", "auto-forwarded"})


def _generated(letter: Letter) -> bool:
    """RFC 3834, 5. Help desks say it of what their agents write, so one that answers is a doubt unless it is away."""
    if "auto-generated" not in _submitted(letter) or _calendar(letter):
        return False
    return not letter.answers or _away(letter)


def _generated_answer(letter: Letter) -> bool:
    return bool(_submitted(letter) & {"auto-generated", "auto-forwarded"})


def _calendar(letter: Letter) -> bool:
    """Invitations and their answers (RFC 6047): a program writes them because a person decided."""
    return (
        letter.by(_CALENDAR, "Sender")
        or "text/calendar" in letter.fields.tokens("Content-Type")
        or any("calendarmessage" in value for value in letter.fields.tokens("Content-Class"))
    )


def _report(letter: Letter) -> bool:
    """RFC 6522: delivery status (RFC 3464), receipts (RFC 8098), abuse (RFC 5965); Exim's and Exchange's own."""
    types = {"multipart/report", "message/delivery-status", "message/disposition-notification"}
    classes = {"urn:content-classes:mdn", "urn:content-classes:dsn"}
    return bool(letter.fields.tokens("Content-Type") & types or letter.fields.tokens("Content-Class") & classes) or any(
        name in letter.fields for name in ("X-Failed-Recipients", "X-MS-Exchange-Message-Is-Ndr")
    )


def _responder(letter: Letter) -> bool:
    return (
        any(value not in _NO - {""} for name in _RESPONDERS for value in letter.fields.tokens(name))
        or any("autoresponder" in value.lower() for value in letter.fields.all("X-POST-MessageClass"))
        or "autoresponder" in letter.fields.tokens("Delivered-To")
    )


def _by_rule(letter: Letter) -> bool:
    """A mailbox of Exchange answered or passed it on by a rule; or a transport marked it on the way."""
    return any(letter.fields.tokens(name) - _NO for name in _BY_RULE)


def _sent_by_service(letter: Letter) -> bool:
    """A service that answers nobody sends it in the author's name, who may have asked it to."""
    return any(_NO_REPLY.match(address) for _, address in letter.fields.people("Sender"))


def _precedence(letter: Letter) -> bool:
    """Nonstandard (RFC 2076, 3.9): `junk` and `auto_reply` are responders'; `bulk` also stands on lists and answers."""
    found = letter.fields.tokens("Precedence") | letter.fields.tokens("X-Precedence")
    return bool(found & {"junk", "auto_reply"}) or ("bulk" in found and not letter.answers and not _list(letter))


def _bulk_answer(letter: Letter) -> bool:
    found = letter.fields.tokens("Precedence") | letter.fields.tokens("X-Precedence")
    return bool(found & {"bulk", "list"})


def _newsletter(letter: Letter) -> bool:
    """RFC 2369 and 8058: one may leave it, a bulk sender marks it as its own, and one cannot post to it."""
    marks = (
        "List-Unsubscribe-Post" in letter.fields
        or any(not _EVERYBODYS.search(value) for value in letter.fields.all("Feedback-ID"))
        or any(name in letter.fields for name in _CAMPAIGNS)
        or "bulk" in letter.fields.tokens("Precedence")
    )
    return marks and "List-Unsubscribe" in letter.fields and not letter.answers and not _list(letter)


def _unsubscribable(letter: Letter) -> bool:
    names = ("List-Unsubscribe", "List-Id", "Feedback-ID", *_CAMPAIGNS)
    return any(name in letter.fields for name in names)


def _list(letter: Letter) -> bool:
    """RFC 2369: one can post or subscribe to it; Mailman, Sympa, Google Groups, ezmlm, Majordomo by their own marks."""
    posts = letter.fields.tokens("List-Post")
    discusses = not posts and any(name in letter.fields for name in ("List-Subscribe", "List-Owner", "List-Archive"))
    return (
        bool(posts - {"", "no"})
        or discusses
        or any(name in letter.fields for name in _LISTS)
        or any(_LIST_OWNER.match(address) for _, address in letter.fields.people("Sender"))
    )


def through_list(letter: Letter) -> bool:
    """Whether a list has put itself in the author's place: "Anne Dupont via Sales" (what DMARC makes lists do)."""
    posts = " ".join(letter.fields.all("List-Post")).lower()
    return any(_VIA.search(f" {name} ") or (address and address.lower() in posts) for name, address in letter.authors)


def _away(letter: Letter) -> bool:
    subject = letter.subject
    return bool(_AWAY.search(subject)) and not _ANSWER.match(subject)


def _returned(letter: Letter) -> bool:
    return bool(_RETURNED.search(letter.subject))


def _suppressing(letter: Letter) -> bool:
    """[MS-OXCMAIL]: asks others not to answer by machine; machines set it, and some gateways on every message."""
    return bool(letter.fields.tokens("X-Auto-Response-Suppress") - {"", "none"})


def _null_path(letter: Letter) -> bool:
    """RFC 5321, 4.5.5 asks it of bounces; fetchers and gateways leave it on letters too."""
    return any(value.replace(" ", "") == "<>" for value in letter.fields.all("Return-Path"))


def _resent(letter: Letter) -> bool:
    """RFC 5322, 3.6.6: somebody passed on what the author had written, perhaps to somebody else."""
    return any(name in letter.fields for name in _RESENT)


RULES: tuple[Rule, ...] = (
    Rule("automatic answer", Contact.NONE, _automatic_answer),
    Rule("autoresponder", Contact.NONE, _responder),
    Rule("report", Contact.NONE, _report),
    Rule("mail server", Contact.NONE, lambda letter: letter.by(_DAEMON)),
    Rule("bulk mail", Contact.NONE, _precedence),
    Rule("newsletter", Contact.NONE, _newsletter),
    Rule("generated", Contact.NONE, _generated, behind=True),
    Rule("no-reply address", Contact.NONE, lambda letter: letter.by(_NO_REPLY), behind=True),
    Rule("mailing list", Contact.WEAK, lambda letter: _list(letter) or through_list(letter)),
    Rule("unsubscribable", Contact.WEAK, _unsubscribable),
    Rule("bulk in a thread", Contact.WEAK, _bulk_answer),
    Rule("generated, by a person perhaps", Contact.WEAK, _generated_answer),
    Rule("sounds like an absence", Contact.WEAK, _away),
    Rule("sounds like a bounce or receipt", Contact.WEAK, _returned),
    Rule("by a mailbox rule", Contact.WEAK, _by_rule),
    Rule("sent by a service", Contact.WEAK, _sent_by_service),
    Rule("asks for no answers", Contact.WEAK, _suppressing),
    Rule("no return path", Contact.WEAK, _null_path),
    Rule("an office's address", Contact.WEAK, lambda letter: letter.by(_OFFICE)),
    Rule("resent", Contact.WEAK, _resent),
)
