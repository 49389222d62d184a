"""Redacts an RFC 5322 message: the persons that are due vanish from it, the rest of the correspondence stays.

What the redaction cannot look into (pictures, documents, signatures) goes. So do headers that are a function of the
original content: a body hash could be tested against candidates.
"""

from __future__ import annotations

import html
import re
import secrets
from collections.abc import Collection, Iterator
from email import message_from_bytes
from email.charset import QP, Charset
from email.generator import BytesGenerator
from email.header import Header
from email.message import Message
from email.policy import compat32
from email.utils import formataddr
from io import BytesIO

from connectors.imap.content import file_name, text_of
from connectors.imap.headers import addresses, decoded, plain, values
from pipelines.anonymise.attachments import attached
from pipelines.anonymise.calendar import redact_calendar
from pipelines.anonymise.persons import ADDRESS, NAME, Concerns, Persons, Redact

_ADDRESSES = {
    "from", "sender", "to", "cc", "bcc", "reply-to", "return-path", "delivered-to", "x-original-to", "envelope-to",
    "errors-to", "apparently-to", "resent-from", "resent-sender", "resent-to", "resent-cc", "resent-bcc",
    "disposition-notification-to", "return-receipt-to", "mail-followup-to", "x-envelope-from", "x-envelope-to",
}  # fmt: skip
_SENDERS = {"from", "sender", "return-path", "resent-from", "resent-sender"}
_THREADS = {"message-id", "in-reply-to", "references", "resent-message-id", "x-original-message-id", "content-id"}
_TEXTS = {"subject", "thread-topic", "comments", "keywords"}
_STRUCTURE = {"content-type", "content-transfer-encoding", "mime-version", "date", "content-disposition"}
_HASHES = {"dkim-signature", "domainkey-signature", "x-google-dkim-signature", "content-md5", "x-gm-message-state"}
_HASH_PREFIX = "arc-"
_OF_THE_SENDER = {
    "received", "x-received", "x-originating-ip", "x-sender-ip", "x-source-ip", "user-agent", "x-mailer",
    "organization", "face", "x-face", "autocrypt", "openpgp", "received-spf", "authentication-results",
}  # fmt: skip
_SHORTEST_LOCAL_PART = 5
_LINE_END = compat32.clone(linesep="\r\n", max_line_length=998)
_TAG = re.compile(r"(<[^>]*>)")
_EMBEDDED = re.compile(r"data:[\w/+.;=-]*,[^\s\"'>]*(?:\s+[A-Za-z0-9+/=]{60,})*", re.IGNORECASE)
"""A file inside a page: a picture, most often, into which nobody looks."""
_UTF8 = Charset("utf-8")
_UTF8.body_encoding = QP


def redact_message(
    message: bytes, concerns: Concerns, redact_text: Redact, *, attachments: bool = True
) -> bytes | None:
    """Remove the persons that are due from headers, texts and attachment names; None when there are none.

    Their entries in address headers become one constant, their addresses and full names are replaced wherever they
    occur literally, texts pass through ``redact_text`` with the names of everybody in the message, other parts go.
    The Date stays, and so do message ids that do not hold the person, so that threads survive for the others. A second
    application finds nobody. Without ``attachments`` those that could be redacted go too.
    """
    persons = _due(message, concerns)
    if not persons:
        return None
    try:
        redacted = _written(_Redaction(message, persons, redact_text, attachments=attachments).run())
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        redacted = b""  # so broken that the library cannot write it again
    if not redacted or _due(redacted, concerns):
        return _remnant(message, persons)
    return redacted


class _Redaction:
    """One message on its way; parts are changed in place."""

    def __init__(self, message: bytes, persons: Persons, redact_text: Redact, *, attachments: bool) -> None:
        self._attachments = attachments
        self._root = message_from_bytes(message, policy=compat32)
        self._persons = persons
        self._replace = persons.replacer()
        self._redacted = persons.redacting(redact_text)
        self._redact_text = redact_text
        self._ids: dict[str, str] = {}
        self._sent_by_due = any(
            persons.meet(address, name)
            for header in _SENDERS
            for value in values(self._root, header)
            for name, address in addresses(value)
        )

    def run(self) -> Message:
        self._part(self._root)
        return self._root

    def _part(self, part: Message) -> None:
        self._headers(part)
        payload = part.get_payload()
        if isinstance(payload, list):
            part.preamble = part.epilogue = None
            kept = [each for each in payload if isinstance(each, Message) and self._stays(each)]
            if not kept:
                self._empty(part)
                return
            for each in kept:
                self._part(each)
            payload[:] = kept
        elif self._stays(part):
            self._text(part)
            self._name(part)
        else:
            self._empty(part)

    def _stays(self, part: Message) -> bool:
        return _readable(part) and (self._attachments or not attached(part))

    def _headers(self, part: Message) -> None:
        kept: list[tuple[str, str]] = []
        for name, value in part.raw_items():
            changed = self._header(name.lower(), value)
            if changed is not None:
                kept.append((name, changed))
        for name in set(part.keys()):
            del part[name]
        for name, value in kept:
            part.set_raw(name, value)

    def _header(self, name: str, raw: str) -> str | None:
        """The header's new value, None to drop it; values that hold nobody stay byte for byte."""
        if name in _HASHES or name.startswith(_HASH_PREFIX) or (self._sent_by_due and name in _OF_THE_SENDER):
            return None
        text = decoded(plain(raw))
        if name in _ADDRESSES:
            return self._address_header(name, raw)
        if name in _THREADS:
            return re.sub(r"<[^<>]*>", lambda match: self._id(match[0]), raw)
        changed = self._replace(text)
        if name in _TEXTS:
            changed = self._redacted(text)
        if changed == text:
            return raw
        # structured values stay ASCII; where encoded names are gone, what is left is written anew
        return _encoded(changed) if name not in _STRUCTURE else changed.encode("ascii", "replace").decode()

    def _address_header(self, name: str, raw: str) -> str:
        pairs = list(addresses(plain(raw)))
        due = [self._persons.meet(address, shown) for shown, address in pairs]
        left = [(self._replace(shown), address) for (shown, address), gone in zip(pairs, due, strict=True) if not gone]
        if not any(due) and left == [(shown, address) for shown, address in pairs]:
            return raw if self._replace(decoded(plain(raw))) == decoded(plain(raw)) else f"{NAME} <{ADDRESS}>"
        if name == "return-path":
            return f"<{ADDRESS}>"
        written = [f"{NAME} <{ADDRESS}>"] * sum(due) + [_address(shown, address) for shown, address in left]
        return ",\r\n ".join(written)

    def _id(self, identifier: str) -> str:
        low = identifier.lower()
        locals_ = {address.rpartition("@")[0] for address in self._persons.addresses}
        held = any(len(each) >= _SHORTEST_LOCAL_PART and each in low for each in locals_)
        if not held and self._replace(identifier) == identifier:
            return identifier
        return self._ids.setdefault(identifier, f"<{secrets.token_hex(16)}@anonyme.invalid>")

    def _text(self, part: Message) -> None:
        text = text_of(part)
        kind = part.get_content_type()
        if kind == "text/calendar":
            redacted = redact_calendar(text.encode("utf-8", "replace"), self._persons.concerns, self._with_known)
            changed = self._replace(redacted.decode() if redacted is not None else text)
        elif kind == "text/html":
            pieces = _TAG.split(self._replace(_EMBEDDED.sub("data:,", text)))
            changed = "".join(each if _TAG.fullmatch(each) else self._visible(each) for each in pieces)
        else:
            changed = self._redacted(text)
        if changed != text:
            del part["Content-Transfer-Encoding"]
            part.set_payload(changed.encode("utf-8", "replace").decode(), _UTF8)

    def _name(self, part: Message) -> None:
        """The name of an attachment in which somebody is found says nothing but its kind any more."""
        name = file_name(part)
        stem, dot, kind = name.rpartition(".")
        spoken = re.sub(r"[\W_]+", " ", stem if dot else name)
        if self._redacted(spoken) != spoken:
            for header, parameter in (("Content-Disposition", "filename"), ("Content-Type", "name")):
                if part.get_param(parameter, header=header) is not None:
                    part.set_param(parameter, f"{NAME}{dot}{kind if dot else ''}", header=header)

    def _visible(self, piece: str) -> str:
        text = html.unescape(piece)
        changed = self._redacted(text) if text.strip() else text
        return piece if changed == text else html.escape(changed, quote=False)

    def _with_known(self, text: str, known: Collection[str]) -> str:
        """For an event inside the message: its own people, and those of the message."""
        return self._redact_text(text, {*known, *self._persons.known})

    @staticmethod
    def _empty(part: Message) -> None:
        for name in ("Content-Type", "Content-Transfer-Encoding", "Content-Disposition"):
            del part[name]
        part.set_payload("", _UTF8)


def _due(message: bytes, concerns: Concerns) -> Persons:
    """Everybody in the message who is due: in any header, text or attachment name of any part."""
    persons = Persons(concerns)
    for part in message_from_bytes(message, policy=compat32).walk():
        for name, raw in part.raw_items():
            if name.lower() in _ADDRESSES:
                for shown, address in addresses(plain(raw)):
                    persons.meet(address, shown)
            persons.search(decoded(plain(raw)))
        persons.search(file_name(part))
        if not part.is_multipart() and _readable(part):
            text = text_of(part)
            persons.search(re.sub(r"\r?\n[ \t]", "", text) if part.get_content_type() == "text/calendar" else text)
            if part.get_content_type() == "text/html":
                persons.search(html.unescape(text))
    return persons


def _readable(part: Message) -> bool:
    return part.is_multipart() or part.get_content_maintype() in {"text", "multipart"}


def _written(message: Message) -> bytes:
    out = BytesIO()
    BytesGenerator(out, mangle_from_=False, policy=_LINE_END).flatten(message)
    return out.getvalue()


def _remnant(message: bytes, persons: Persons) -> bytes:
    """What is left of a message too broken to be redacted: its date, and those of its people who are not due."""
    original = message_from_bytes(message, policy=compat32)
    lines = [f"{name}: {value}" for name, value in _remaining_headers(original, persons)]
    return "\r\n".join([*lines, "", ""]).encode("ascii", "replace")


def _remaining_headers(original: Message, persons: Persons) -> Iterator[tuple[str, str]]:
    replace = persons.replacer()
    for value in values(original, "Date")[:1]:
        if replace(value) == value:
            yield "Date", value
    for name in ("From", "To", "Cc"):
        people = [pair for value in values(original, name) for pair in addresses(value)]
        left = [(replace(shown), address) for shown, address in people if not persons.meet(address, shown)]
        gone = len(people) - len(left)
        if people:
            yield name, ",\r\n ".join([f"{NAME} <{ADDRESS}>"] * gone + [_address(*pair) for pair in left])


def _address(shown: str, address: str) -> str:
    try:
        return formataddr((shown, address)) if address else _encoded(shown)
    except UnicodeError:  # an address that is not ASCII goes as it is (RFC 6532)
        return f"<{address}>"


def _encoded(text: str) -> str:
    if text.isascii():
        return text
    return Header(text, "utf-8", maxlinelen=75).encode(linesep="\r\n")
