"""A message's texts, decoded as far as they can be."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.policy import compat32
from html.parser import HTMLParser

from connectors.imap.headers import decoded, values
from connectors.participants import clean

_HEADERS = {"from": "From", "to": "To", "cc": "Cc", "bcc": "Bcc", "reply_to": "Reply-To", "subject": "Subject"}
_HIDDEN = {"script", "style", "head"}


def texts(content: bytes) -> dict[str, str]:
    """The texts of a message by field: the address headers, subject, body, attachments (their names).

    What attached texts say is part of the body.
    """
    message = message_from_bytes(content, policy=compat32)
    found = {field: ", ".join(decoded(each) for each in values(message, name)) for field, name in _HEADERS.items()}
    plain, html, names, attached = [], [], [], []
    for part in message.walk():
        name = file_name(part)
        if name:
            names.append(name)
            attached += [text_of(part)] if part.get_content_maintype() == "text" else []
        elif part.get_content_type() == "text/html":
            html.append(_visible(text_of(part)))
        elif part.get_content_maintype() == "text":
            plain.append(text_of(part))
    body = plain if any(each.strip() for each in plain) else html
    found["body"] = "\n".join([*body, *attached]).strip()
    found["attachments"] = "\n".join(names)
    return {field: text for field, text in found.items() if text}


def file_name(part: Message) -> str:
    """The name of an attachment, or nothing."""
    try:
        return decoded(clean(part.get_filename() or ""))
    except (LookupError, ValueError, TypeError):
        return "?"


def text_of(part: Message) -> str:
    """The decoded text of a text part; what does not decode is replaced."""
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    for charset in _charsets(part):
        try:
            return raw.decode(charset)
        except (LookupError, ValueError):
            continue
    return raw.decode("latin-1")


def _charsets(part: Message) -> Iterator[str]:
    try:
        declared = part.get_content_charset()
    except (LookupError, ValueError, TypeError):
        declared = None
    if declared:
        yield declared
    yield "utf-8"


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in _HIDDEN
        self.pieces.append("\n" if tag in {"br", "p", "div", "tr", "li"} else " ")
        self.pieces.extend(value for name, value in attrs if name in {"href", "alt", "title"} and value)

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in _HIDDEN and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(data)


def _visible(html: str) -> str:
    reader = _Text()
    try:
        reader.feed(html)
    except (AssertionError, ValueError):
        return html  # markup that the parser gives up on is text all the same
    return "".join(reader.pieces)
