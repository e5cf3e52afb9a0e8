# octets.py for compiled modules: the same loads, inline, so that this module itself need not be compiled
# (setup.py). A pointer has no end: whoever calls these has checked that the octets lie there.
# In C, since compilers make several loads of four octets that are put together one by one.
cdef extern from *:
    """
    #include <string.h>
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && defined(__GNUC__)
    static inline unsigned short bypeer_u16(const unsigned char *p) {
        unsigned short n; memcpy(&n, p, 2); return __builtin_bswap16(n);
    }
    static inline unsigned int bypeer_u32(const unsigned char *p) {
        unsigned int n; memcpy(&n, p, 4); return __builtin_bswap32(n);
    }
    static inline unsigned int bypeer_le32(const unsigned char *p) {
        unsigned int n; memcpy(&n, p, 4); return n;
    }
    static inline unsigned short bypeer_le16(const unsigned char *p) {
        unsigned short n; memcpy(&n, p, 2); return n;
    }
    #define bypeer_swapped(n) __builtin_bswap64(n)
    #else
    static inline unsigned short bypeer_u16(const unsigned char *p) {
        return (unsigned short)(p[0] << 8 | p[1]);
    }
    static inline unsigned int bypeer_u32(const unsigned char *p) {
        return (unsigned int)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
    }
    static inline unsigned int bypeer_le32(const unsigned char *p) {
        return (unsigned int)p[3] << 24 | p[2] << 16 | p[1] << 8 | p[0];
    }
    static inline unsigned short bypeer_le16(const unsigned char *p) {
        return (unsigned short)(p[1] << 8 | p[0]);
    }
    static inline unsigned long long bypeer_swapped(unsigned long long n) {
        unsigned long long swapped = 0;
        for (int at = 0; at < 8; at++, n >>= 8) swapped = swapped << 8 | (n & 0xFF);
        return swapped;
    }
    #endif
    static inline unsigned long long bypeer_end(const unsigned char *address, const unsigned char *port) {
        return bypeer_swapped((unsigned long long)bypeer_le16(port) << 32 | bypeer_le32(address));
    }
    """
    unsigned short bypeer_u16(const unsigned char *octets) noexcept nogil
    unsigned int bypeer_u32(const unsigned char *octets) noexcept nogil
    unsigned int bypeer_le32(const unsigned char *octets) noexcept nogil
    unsigned short bypeer_le16(const unsigned char *octets) noexcept nogil
    unsigned long long bypeer_end(const unsigned char *address, const unsigned char *port) noexcept nogil

cdef inline long long u16(const unsigned char *octets, long long at) noexcept nogil:
    return bypeer_u16(octets + at)

cdef inline long long u32(const unsigned char *octets, long long at) noexcept nogil:
    return bypeer_u32(octets + at)

cdef inline long long le32(const unsigned char *octets, long long at) noexcept nogil:
    return bypeer_le32(octets + at)

cdef inline unsigned int le16(const unsigned char *octets, long long at) noexcept nogil:
    return bypeer_le16(octets + at)

cdef inline unsigned long long end_at(
    const unsigned char *octets, long long address, long long port
) noexcept nogil:
    return bypeer_end(octets + address, octets + port)

cdef inline unsigned long long u64(const unsigned char *octets, long long at) noexcept nogil:
    return <unsigned long long>u32(octets, at) << 32 | <unsigned long long>u32(octets, at + 4)

cdef inline long long words(const unsigned char *octets, long long at, long long end) noexcept nogil:
    cdef unsigned long long total = 0
    while end - at >= 4:
        total += bypeer_u32(octets + at)  # 2**16 is 1, modulo 2**16 - 1
        at += 4
    if end - at >= 2:
        total += bypeer_u16(octets + at)
        at += 2
    if at < end:
        total += <unsigned int>octets[at] << 8
    return <long long>(total % 0xFFFF)
