"""Errors of file systems that are expected to pass."""

from __future__ import annotations

import errno

_OUTAGES = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ENOMEM),
        *(errno.EAGAIN, errno.EINTR, errno.EBUSY, errno.EMFILE, errno.ENFILE),
        *(errno.ESTALE, errno.ETIMEDOUT, errno.ENOLCK),
    }
)


def is_outage(error: BaseException) -> bool:
    """Whether it is a full disk, a quota, a file server that does not answer."""
    return isinstance(error, OSError) and error.errno in _OUTAGES
