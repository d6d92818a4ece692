"""What click and the operating system say in our commands' names, as their texts are."""

from __future__ import annotations

import errno
import os

CLICK = (
    "Usage:", "Options", "Commands", "required", "interrupted",
    "Show this message and exit.", "default: %(value)s", "env var: %(name)s",
    "Missing command.",
    "Missing option %(name)s.", "Missing option %(name)s. %(more)s",
    "Missing argument %(name)s.", "Missing argument %(name)s. %(more)s",
    "Choose from:\n\t%(choices)s",
    "No such option %(name)s.", "No such option %(name)s. %(more)s",
    "Did you mean %(name)s?", "(Did you mean one of: %(names)s?)",
    "Got unexpected extra argument (%(arguments)s)",
    "Got unexpected extra arguments (%(arguments)s)",
    "Option %(name)s requires an argument.",
    "Option %(name)s requires %(count)s arguments.",
    "Option %(name)s does not take a value.",
    "Invalid value for %(name)s: %(reason)s",
    "Invalid value: %(reason)s",
    "%(value)s is not a valid integer.",
    "%(value)s is not a valid integer range.",
    "%(value)s is not a valid float.",
    "%(value)s is not a valid float range.",
    "%(value)s is not a valid boolean. Recognized values: %(values)s",
    "%(value)s is not one of %(choices)s.",
    "%(value)s is not %(choice)s.",
    "%(value)s is not in the range %(range)s.",
    "%(kind)s %(name)s is a file.",
    "%(kind)s %(name)s is a directory.",
    "%(kind)s %(name)s does not exist.",
    "%(kind)s %(name)s is not readable.",
    "%(kind)s %(name)s is not writable.",
    "Could not open file %(name)s: %(reason)s",
)  # fmt: skip
SYSTEM = tuple(
    os.strerror(number)
    for number in (
        errno.ENOENT, errno.EACCES, errno.EPERM, errno.EEXIST, errno.EISDIR, errno.ENOTDIR,
        errno.ENOSPC, errno.EROFS, errno.EIO, errno.EMFILE, errno.ECONNREFUSED, errno.EPIPE,
        errno.ENAMETOOLONG, errno.ENOTEMPTY, errno.EADDRINUSE, errno.EADDRNOTAVAIL,
        errno.ETIMEDOUT, errno.ECONNRESET, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ELOOP,
    )
)  # fmt: skip
MESSAGES = (*CLICK, *SYSTEM)
