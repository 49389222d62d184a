"""Become another program, unprivileged and bound to the parent's life: `python -I launch.py UID GID BOUND PROGRAM …`.

Run as a program of its own, because what it does between fork and exec is not safe in a threaded parent. Servers that
refuse to run as root become the given user. Where that user could not walk to the program or its data (a project
under a home folder of mode 0700), the one capability that lets it goes along; no folder's mode is ever changed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_CAPBSET_READ, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 1, 8, 23, 47, 2
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2
_CAPABILITY_VERSION_3 = 0x20080522


def become(user: int, group: int, *, walk: bool) -> None:
    """Give up root for a user; with ``walk``, keep the right to walk through folders closed to it."""
    libc = ctypes.CDLL(None, use_errno=True)
    capability = _CAP_DAC_READ_SEARCH if libc.prctl(_PR_CAPBSET_READ, _CAP_DAC_READ_SEARCH) == 1 else _CAP_DAC_OVERRIDE
    if walk:
        libc.prctl(_PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    if walk:
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        mask = 1 << capability
        data = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
        if libc.capset(ctypes.byref(header), ctypes.byref(data)) == 0:
            libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0)


def main(arguments: list[str]) -> None:
    """Drop privileges, tie to the parent, and become the program."""
    user, group, bound, walk, parent = (int(each) for each in arguments[:5])
    if user >= 0:
        become(user, group, walk=bool(walk))
    if bound and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:
            raise SystemExit(0)  # the parent went before we could tie ourselves to it
    os.execv(arguments[5], arguments[5:])  # noqa: S606 - this program exists to become another


if __name__ == "__main__":
    main(sys.argv[1:])
