# octets.py for compiled modules: the same loads, inline, so that this module itself need not be compiled
# (setup.py). A pointer has no end: whoever calls these has checked that the octets lie there.
cdef inline long long u16(const unsigned char *octets, long long at) noexcept nogil:
    return octets[at] << 8 | octets[at + 1]

cdef inline long long u32(const unsigned char *octets, long long at) noexcept nogil:
    return <unsigned int>octets[at] << 24 | octets[at + 1] << 16 | octets[at + 2] << 8 | octets[at + 3]

cdef inline long long le32(const unsigned char *octets, long long at) noexcept nogil:
    return octets[at] | octets[at + 1] << 8 | octets[at + 2] << 16 | <unsigned int>octets[at + 3] << 24

cdef inline unsigned long long u64(const unsigned char *octets, long long at) noexcept nogil:
    return <unsigned long long>u32(octets, at) << 32 | <unsigned long long>u32(octets, at + 4)
