"""pymap's main program, less two habits that make it slow in a mailbox of 2,000 messages.

It reads a mailbox's whole UID list again for each message that it touches (16 seconds for a search); here it does only
when the list has changed on disk. It keeps expunged messages in the list until the client leaves, and lists the
folder again for each of them at every command; here they leave the list at once. Run as a program of its own:
`python -I pymap_main.py OPTIONS`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from pymap.backend.maildir import mailbox
from pymap.backend.maildir.mailbox import MailboxData
from pymap.backend.maildir.uidlist import UidList
from pymap.main import main

_State = tuple[int, int, int]


class CachedUidList(UidList):
    """A UID list that knows what it last read or wrote. The file is never changed in place, always replaced."""

    _known: dict[str, tuple[_State, UidList]] = {}  # noqa: RUF012 - one for the whole server

    @classmethod
    def file_read(cls, path: str) -> CachedUidList:
        """The list as it is on disk, a copy of its own."""
        state = cls._state(path)
        known = cls._known.get(path)
        if state is None or known is None or known[0] != state:
            found = _copy(super().file_read(path))
            if state is not None:
                cls._known[path] = (state, _copy(found))
            return found
        return _copy(known[1])

    def file_write(self) -> None:
        """Replace the file."""
        super().file_write()
        state = self._state(self.path)
        if state is not None:
            self._known[self.path] = (state, _copy(self))

    @classmethod
    def _state(cls, path: str) -> _State | None:
        try:
            found = Path(cls.get_file(path)).stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


def _copy(known: UidList) -> CachedUidList:
    copy = CachedUidList(known.path, known.uid_validity, known.next_uid, known.global_uid)
    copy._records = dict(known._records)  # noqa: SLF001 - pymap offers no copy
    return copy


_delete = MailboxData.delete


async def _delete_and_forget(self: MailboxData, uids: Iterable[int]) -> None:
    gone = list(uids)
    await _delete(self, gone)
    async with CachedUidList.with_write(self._path) as known:
        for uid in known.get_all(gone):
            known.remove(uid)


if __name__ == "__main__":
    vars(mailbox)["UidList"] = CachedUidList
    MailboxData.delete = _delete_and_forget  # type: ignore[method-assign]
    sys.argv[0] = "pymap"
    main()
