"""What has come, changed or gone in a mailbox since an earlier look (RFC 9051, 2.3.1; RFC 4549; RFC 7162).

Under one UIDVALIDITY a UID names one message for ever, and its content never changes: new UIDs are read, UIDs that the
server does not list any more are gone. Where it keeps mod-sequences (CONDSTORE), they are the messages' versions, and
those that have changed are read again. Another UIDVALIDITY makes the mailbox another one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from connectors.base import Ref
from connectors.changes import Known
from connectors.errors import ScanIncomplete
from connectors.imap.mailbox import place
from connectors.imap.session import Opened, Session

_STATE = re.compile(r"(\d+) (\d*) (\d+) (\d*)")


@dataclass(frozen=True, slots=True)
class Differences:
    """``read`` are the UIDs to read; ``gone``, ``whole`` and ``state`` as in `connectors.changes.Changes`."""

    validity: int
    state: str
    read: Sequence[int] = ()
    gone: tuple[str, ...] = ()
    whole: bool = False


def differences(session: Session, mailbox: str, known: Known) -> Differences:
    """Open a mailbox for reading, and compare it with what is known of it.

    Raises:
        ScanIncomplete: the server does not list messages that it says to hold.
        ConnectorError: the server refuses, or was lost.
    """
    # first the state, then the list: what comes in between is seen again at the next look
    opened, before = session.examine(mailbox), _read(known.states.get(mailbox, ""))
    state = _written(opened)
    if before is None or not _comparable(session, before, opened):
        return Differences(opened.validity, state, session.search(["ALL"]), whole=True)
    if opened.next is not None and before == opened:
        return Differences(opened.validity, state)
    keys = {place(Ref(key, ""))[1]: key for key in known.versions(mailbox)}
    listed = session.search(["ALL"])
    missing = sorted(keys.keys() - set(listed))
    if session.present(missing):
        what = "the server leaves messages out of a list that it holds"
        raise ScanIncomplete(session.store, what, "Have the mailbox repaired on the server, then scan again")
    changed = session.changed_since(before.modseq or 0) if listed and before.modseq != opened.modseq else set()
    read = [uid for uid in listed if uid not in keys or uid in changed]
    return Differences(opened.validity, state, read, tuple(keys[uid] for uid in missing))


def _comparable(session: Session, before: Opened, now: Opened) -> bool:
    """Whether the UIDs mean the same messages, and a change of version would show."""
    if before.validity != now.validity or (before.modseq is None) != (now.modseq is None):
        return False
    if now.modseq is None:
        return "CONDSTORE" not in session.features  # then mod-sequences would be versions, and cannot be compared
    return before.modseq is not None and before.modseq <= now.modseq


def _written(opened: Opened) -> str:
    parts = (opened.validity, opened.next, opened.total, opened.modseq)
    return " ".join("" if each is None else str(each) for each in parts)


def _read(state: str) -> Opened | None:
    match = _STATE.fullmatch(state)
    if match is None:
        return None
    following, modseq = (int(each) if each else None for each in (match[2], match[4]))
    return Opened(int(match[1]), following, int(match[3]), modseq)
