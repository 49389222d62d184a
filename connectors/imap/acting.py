"""Deleting and rewriting messages of one mailbox, so that an interruption at any point can be resolved.

A rewrite appends the copy, then marks the original as deleted, then expunges exactly it: at every moment at least one
of the two is there, and the operation's marker on the copy tells which it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from connectors.base import Outcome, Ref, Result, Transform
from connectors.errors import StoreMismatch
from connectors.imap.mailbox import Seen, copies, key_of, look, marked, place
from connectors.imap.session import Copy, Session

_MOST_MESSAGES, _MOST_BYTES = 50, 8_000_000
"""What is held in memory at once; one message may be larger."""


@dataclass(slots=True)
class Acting:
    """The write side of one connector. ``writing`` says whether a write was sent whose effect may be unknown."""

    session: Session
    checkpoint: Callable[[str], None] | None = None
    writing: bool = False

    def delete(self, mailbox: str, refs: Sequence[Ref]) -> list[Result]:
        """Delete messages as they were seen."""
        outcomes, alive = self._standing(mailbox, refs)
        uids = [seen.uid for seen in alive.values()]
        self.writing = True
        changed = self.session.mark_deleted(uids, _since(alive.values()))
        self._reached("after_store")
        self.session.expunge([uid for uid in uids if uid not in changed])
        still = self.session.present(uids)
        self.writing = False
        for ref, seen in alive.items():
            if seen.uid in changed:
                outcomes[ref] = Outcome.CONFLICT
            else:
                outcomes[ref] = Outcome.REFUSED if seen.uid in still else Outcome.DONE
        return [Result(ref, outcomes[ref]) for ref in refs]

    def rewrite(self, mailbox: str, refs: Sequence[Ref], transform: Transform, operation: str) -> list[Result]:
        """Replace messages as they were seen by their transformed copies."""
        outcomes, alive = self._standing(mailbox, refs)
        results = {ref: Result(ref, outcome) for ref, outcome in outcomes.items()}
        validity = place(refs[0])[0] if alive else 0
        for group in _groups(alive):
            results |= self._rewrite_group(mailbox, validity, group, transform, operation)
        return [results[ref] for ref in refs]

    def resolve(self, mailbox: str, refs: Sequence[Ref], operation: str) -> list[Result]:
        """Complete the rewrites that an operation began; see `connectors.base.Connector.resolve`."""
        validity = self.session.open(mailbox, write=True)
        known = {ref: place(ref) for ref in refs}
        uids = [uid for its, uid in known.values() if its == validity]
        originals = {seen.uid: seen for seen, _ in look(self.session, uids)}
        appended = copies(self.session, operation, uids) if uids else {}
        surplus = [seen.uid for each in appended.values() for seen in each[1:]]
        self._remove([uid for uid in appended if uid in originals] + surplus)
        kept = {uid: each[0] for uid, each in appended.items()}
        results = []
        for ref, (its, uid) in known.items():
            if its != validity:
                results.append(Result(ref, Outcome.CONFLICT))
            elif uid in kept:
                copy = kept[uid]
                results.append(Result(ref, Outcome.DONE, key_of(mailbox, validity, copy.uid), copy.version))
            else:
                results.append(Result(ref, _unfinished(ref, originals.get(uid))))
        return results

    def _standing(self, mailbox: str, refs: Sequence[Ref]) -> tuple[dict[Ref, Outcome], dict[Ref, Seen]]:
        """Open the mailbox; tell the messages that are as they were seen from those that are not."""
        validity = self.session.open(mailbox, write=True)
        known = {ref: place(ref) for ref in refs}
        found = {seen.uid: seen for seen, _ in look(self.session, [u for its, u in known.values() if its == validity])}
        outcomes: dict[Ref, Outcome] = {}
        alive: dict[Ref, Seen] = {}
        for ref, (its, uid) in known.items():
            if its != validity:  # the mailbox was rebuilt: the message may be there under another number
                outcomes[ref] = Outcome.CONFLICT
            elif uid not in found:
                outcomes[ref] = Outcome.ALREADY_GONE
            elif found[uid].version != ref.version:
                outcomes[ref] = Outcome.CONFLICT
            else:
                alive[ref] = found[uid]
        return outcomes, alive

    def _rewrite_group(
        self, mailbox: str, validity: int, group: dict[Ref, Seen], transform: Transform, operation: str
    ) -> dict[Ref, Result]:
        by_uid = {seen.uid: (ref, seen) for ref, seen in group.items()}
        results = {ref: Result(ref, Outcome.ALREADY_GONE) for ref in group}
        new: dict[int, Copy] = {}
        for seen, content in look(self.session, list(by_uid), "BODY.PEEK[]"):
            ref, before = by_uid[seen.uid]
            changed = transform(ref, content) if seen.version == before.version else None
            if changed is not None:
                new[seen.uid] = Copy(marked(changed, operation, seen.uid), seen.arrived, seen.flags)
            else:
                same = seen.version == before.version
                results[ref] = Result(ref, Outcome.DONE if same else Outcome.CONFLICT)
        if not new:
            return results
        self.writing = True
        new = {uid: new[uid] for uid in by_uid if uid in new}  # as asked for: the server answers in its own order
        replaced = self._replace(mailbox, new, _since(group.values()), operation)
        self.writing = False
        for uid, outcome in replaced.items():
            ref = by_uid[uid][0]
            if isinstance(outcome, Seen):
                results[ref] = Result(ref, Outcome.DONE, key_of(mailbox, validity, outcome.uid), outcome.version)
            else:
                results[ref] = Result(ref, outcome)
        return results

    def _replace(
        self, mailbox: str, new: dict[int, Copy], since: int | None, operation: str
    ) -> dict[int, Seen | Outcome]:
        """Append, mark, expunge; per original its copy, or why it stays or went without us."""
        originals = list(new)
        told = self.session.append(mailbox, list(new.values()))
        self._reached("after_append")
        changed = self.session.mark_deleted(originals, since)
        self._reached("after_store")
        present = self.session.present(originals)
        if told is None:
            found = copies(self.session, operation, originals)
            appended = {uid: found[uid][0].uid for uid in originals if uid in found}
        else:
            appended = dict(zip(originals, told, strict=True))
        if len(appended) < len(originals):
            remedy = "Look at its log; the originals are marked as deleted, and still there"
            raise StoreMismatch(self.session.store, "it accepted copies of messages and does not show them", remedy)
        replaced = [uid for uid in originals if uid in present and uid not in changed]
        self.session.expunge(replaced)
        self._remove([appended[uid] for uid in originals if uid not in replaced])
        seen = {each.uid: each for each, _ in look(self.session, [appended[uid] for uid in replaced])}
        lost: dict[int, Seen | Outcome] = {
            uid: Outcome.CONFLICT if uid in changed else Outcome.ALREADY_GONE for uid in originals
        }
        return lost | {uid: seen.get(appended[uid], Outcome.UNKNOWN) for uid in replaced}

    def _remove(self, uids: Sequence[int]) -> None:
        self.session.mark_deleted(uids, None)
        self.session.expunge(uids)

    def _reached(self, point: str) -> None:
        if self.checkpoint is not None:
            self.checkpoint(point)


def _since(messages: Iterable[Seen]) -> int | None:
    """The mod-sequence up to which no message may have changed: any later change exceeds all of them."""
    return max((seen.modseq for seen in messages if seen.modseq is not None), default=None)


def _unfinished(ref: Ref, original: Seen | None) -> Outcome:
    r"""What to say of a record without a copy. A \Deleted mark may be the interrupted deletion's own."""
    if original is None:
        return Outcome.ALREADY_GONE
    untouched = original.version == ref.version or b"\\Deleted" in original.flags
    return Outcome.PENDING if untouched else Outcome.CONFLICT


def _groups(alive: dict[Ref, Seen]) -> Iterator[dict[Ref, Seen]]:
    group: dict[Ref, Seen] = {}
    size = 0
    for ref, seen in alive.items():
        if group and (len(group) >= _MOST_MESSAGES or size + seen.size > _MOST_BYTES):
            yield group
            group, size = {}, 0
        group[ref] = seen
        size += seen.size
    if group:
        yield group
