# memory.py for compiled modules: the same, inline, so that this module itself need not be compiled (setup.py).
# The checks are part of them: no caller has to have looked before.
from libc.string cimport memcpy

cdef inline int _check(long long have, long long at, long long size) except -1:
    if at < 0 or size < 0 or size > have - at:
        raise IndexError("outside the buffer")
    return 0

cdef inline long long half(const unsigned char[::1] octets, long long at) except -1:
    cdef unsigned short value
    _check(octets.shape[0], at, 2)
    memcpy(&value, &octets[at], 2)
    return value

cdef inline long long word(const unsigned char[::1] octets, long long at) except -1:
    cdef unsigned int value
    _check(octets.shape[0], at, 4)
    memcpy(&value, &octets[at], 4)
    return value

cdef inline long long long_(const unsigned char[::1] octets, long long at) except? -1:
    cdef long long value
    _check(octets.shape[0], at, 8)
    memcpy(&value, &octets[at], 8)
    return value

cdef inline int put_half(unsigned char[::1] octets, long long at, long long value) except -1:
    cdef unsigned short number = <unsigned short>value
    _check(octets.shape[0], at, 2)
    memcpy(&octets[at], &number, 2)
    return 0

cdef inline int put_word(unsigned char[::1] octets, long long at, long long value) except -1:
    cdef unsigned int number = <unsigned int>value
    _check(octets.shape[0], at, 4)
    memcpy(&octets[at], &number, 4)
    return 0

cdef inline int put_long(unsigned char[::1] octets, long long at, long long value) except -1:
    _check(octets.shape[0], at, 8)
    memcpy(&octets[at], &value, 8)
    return 0

cdef inline int copy(
    unsigned char[::1] to, long long at, const unsigned char[::1] source, long long start, long long size
) except -1:
    _check(source.shape[0], start, size)
    _check(to.shape[0], at, size)
    if size:
        memcpy(&to[at], &source[start], size)
    return 0
