"""TUN devices: what is written to one, the kernel receives; what it sends out of it, is read.

Source: Documentation/networking/tuntap.rst; include/uapi/linux/if_tun.h.
"""

from __future__ import annotations

import fcntl
import os
import struct

from bypeer.errors import HostError

_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000  # IP packets, and nothing before them


def open_tun(name: str) -> int:
    """Make a TUN device in this thread's namespace; a descriptor that does not block. Closed, it goes."""
    try:
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise HostError(
            "there is no /dev/net/tun: this kernel has no TUN devices, or the container none"
        ) from None
    except OSError as error:
        raise HostError(f"/dev/net/tun: {error.strerror}") from None
    try:
        fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH14x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    except OSError as error:
        os.close(fd)
        raise HostError(f"making a TUN device: {error.strerror}") from None
    return fd
