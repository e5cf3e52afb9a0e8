# lines.py for compiled modules: the rows as C structs, inline, so that this module itself need not be compiled
# (setup.py). Whoever calls these has checked that the row is one of those that there are.
from libc.string cimport memcpy, memset

cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    /* Without the empty statement, gcc takes a function that does nothing else for one that it may leave out. */
    #define bypeer_fetch(address) do { __builtin_prefetch(address); __asm__ volatile (""); } while (0)
    #else
    #define bypeer_fetch(address) ((void)0)
    #endif
    """
    void bypeer_fetch(const void *address) noexcept nogil

cdef extern from *:
    """
    #if defined(__SIZEOF_INT128__)
    static inline unsigned long long bypeer_folded(unsigned long long one, unsigned long long other) {
        unsigned long long upper = (unsigned long long)((unsigned __int128)one * other >> 64);
        return upper ^ one * other;
    }
    #else
    static inline unsigned long long bypeer_folded(unsigned long long one, unsigned long long other) {
        unsigned long long low = (one & 0xFFFFFFFF) * (other & 0xFFFFFFFF);
        unsigned long long mid = (one >> 32) * (other & 0xFFFFFFFF) + (low >> 32);
        unsigned long long more = (one & 0xFFFFFFFF) * (other >> 32) + (mid & 0xFFFFFFFF);
        return ((one >> 32) * (other >> 32) + (mid >> 32) + (more >> 32)) ^ one * other;
    }
    #endif
    """
    unsigned long long bypeer_folded(unsigned long long one, unsigned long long other) noexcept nogil

cdef enum:
    PIECE = 512
    TICK = 512
    LARGE = 1 << 22  # octets
    TOGETHER = 32  # pieces, but for the first ones

cdef enum Unset:
    UNSET = 0xFFFFFFFF

cdef struct Packet:
    unsigned long long source, target, mixed
    long long ts, frame
    unsigned int seq, ack, end, print
    long long interface
    short wscale
    unsigned char flags, ttl, version
    unsigned long long src_hi, src_lo, dst_hi, dst_lo
    unsigned short sport, dport

cdef struct Way:
    unsigned int segments, low, high, acked, most
    unsigned char kept, ttl
    unsigned short known

cdef struct Line:
    unsigned long long client, server
    long long interface, ended, since, pause
    unsigned short dated, traits
    unsigned int block
    long long last
    Way ways[2]  # a cache line begins here
    long long paused_since, paused_at

cdef struct Past:
    unsigned long long client_hi, client_lo, server_hi, server_lo
    unsigned short client_port, server_port
    long long number, first_frame, started
    long long clock[4]  # a cache line begins here
    unsigned int first[2]
    unsigned int isn[2]
    unsigned int fin_end[2]
    unsigned int resets[2]
    long long marks[6]  # and here
    int marked
    short wscale[2]
    unsigned char reset_ttl[2]
    unsigned char room[6]
    unsigned int prints[48]  # and here

cdef inline bytearray packets(long long count):
    return bytearray(count * sizeof(Packet))

cdef inline Packet *first_of(bytearray memory) noexcept:
    return <Packet *><char *>memory

cdef inline Packet *packet_at(Packet *found, long long place) noexcept nogil:
    return found + place

cdef inline char **pieces(bytearray memory) noexcept:
    return <char **><char *>memory

cdef inline object room(long long octets):
    if octets < LARGE:
        return bytearray(octets)
    import mmap  # here: most captures do without
    # In huge pages, which spare most waits for where a page is: only what is mapped by itself can have them.
    try:
        memory = mmap.mmap(-1, octets, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        memory.madvise(mmap.MADV_HUGEPAGE)
    except (OSError, AttributeError):  # a system without them, or without memory: then that is a MemoryError
        return bytearray(octets)
    return memory

cdef inline char *address_of(object memory):
    cdef unsigned char[::1] octets = memory
    return <char *>&octets[0]

cdef inline object piece(char **found, long long number):
    cdef long long size = PIECE * (sizeof(Line) + sizeof(Past))
    if number > TOGETHER and number % TOGETHER:
        found[number] = found[number - 1] + size
        return None
    memory = room((size if number < TOGETHER else size * TOGETHER) + 64)
    address = address_of(memory)
    found[number] = address + (-<unsigned long long>address & 63)  # a line begins with a cache line
    return memory

cdef inline bytes content(char **found, long long number):
    return found[number][:PIECE * (sizeof(Line) + sizeof(Past))]

cdef inline fill(char **found, long long number, bytes held):
    memcpy(found[number], <const char *>held, PIECE * (sizeof(Line) + sizeof(Past)))

cdef inline Line *line_at(char **found, long long row) noexcept nogil:
    return <Line *>found[row >> 9] + (row & 511)

cdef inline Past *past_at(char **found, long long row) noexcept nogil:
    return <Past *>(<Line *>found[row >> 9] + PIECE) + (row & 511)

cdef inline void move(char **found, long long source, long long target) noexcept nogil:
    memcpy(line_at(found, target), line_at(found, source), sizeof(Line))
    memcpy(past_at(found, target), past_at(found, source), sizeof(Past))
    memset(line_at(found, source), 0, sizeof(Line))
    memset(past_at(found, source), 0, sizeof(Past))

cdef inline Way *way_of(Line *line, long long direction) noexcept nogil:
    return &line.ways[direction]

cdef inline long long *column(long long[::1] numbers) noexcept:
    return &numbers[0]

cdef inline unsigned int *rows_of(unsigned int[::1] numbers) noexcept:
    return &numbers[0]

cdef inline const unsigned char *octets_of(bytearray memory) noexcept:
    return <const unsigned char *><char *>memory

cdef inline unsigned long long *slots_of(object octets) except NULL:
    return <unsigned long long *>address_of(octets)

cdef inline unsigned long long slot_of(
    unsigned long long *slots, unsigned long long mask, unsigned long long mixed
) noexcept nogil:
    cdef unsigned long long at = mixed & mask
    while slots[at] and slots[at] >> 32 != mixed >> 32:
        at = at + 1 & mask
    return slots[at]

cdef inline void fetch_slot(unsigned long long *slots, unsigned long long at) noexcept nogil:
    bypeer_fetch(slots + at)

cdef inline void fetch_line(char **found, long long row) noexcept nogil:
    cdef Line *line = line_at(found, row)
    bypeer_fetch(line)
    bypeer_fetch(&line.ways[0])

cdef inline void fetch_past(char **found, long long row, int special) noexcept nogil:
    cdef Line *line = line_at(found, row)
    cdef Past *past = past_at(found, row)
    if line.ways[0].most == UNSET:
        bypeer_fetch(past.prints + 2 * line.ways[0].kept)
    if line.ways[1].most == UNSET:
        bypeer_fetch(past.prints + 2 * line.ways[1].kept)
    if special:
        bypeer_fetch(past.clock)
        bypeer_fetch(past.marks)
    if (line.client | line.server) & 1:
        bypeer_fetch(past)

cdef inline void fetch(
    Packet *packets, long long count, char **found, unsigned long long *slots, unsigned long long mask, int special
) noexcept nogil:
    cdef long long place
    cdef unsigned long long slot
    for place in range(count):
        fetch_slot(slots, packets[place].mixed & mask)
    for place in range(count):
        slot = slot_of(slots, mask, packets[place].mixed)
        if slot:
            fetch_line(found, (slot & 0xFFFFFFFFULL) - 1)
    if special < 0:
        return
    for place in range(count):
        slot = slot_of(slots, mask, packets[place].mixed)
        if slot:
            fetch_past(found, (slot & 0xFFFFFFFFULL) - 1, packets[place].flags & special)

cdef inline unsigned long long wrapped(unsigned long long number) noexcept nogil:
    return number

cdef inline unsigned int later(unsigned int one, unsigned int other) noexcept nogil:
    return one if <int>(one - other) > 0 else other

cdef inline unsigned int earlier(unsigned int one, unsigned int other) noexcept nogil:
    return one if <int>(one - other) < 0 else other

cdef inline unsigned long long folded(unsigned long long one, unsigned long long other) noexcept nogil:
    return bypeer_folded(one, other)

cdef inline unsigned long long tuple_hash(
    unsigned long long one, unsigned long long other, unsigned long long interface, unsigned long long seed
) noexcept nogil:
    cdef unsigned long long mixed = bypeer_folded(one ^ seed, other ^ seed) + interface * 0x9E3779B97F4A7C15ULL
    mixed *= 0xC4CEB9FE1A85EC53ULL
    return mixed ^ mixed >> 32

cdef inline unsigned int fingerprint(
    unsigned long long seq, unsigned long long ack, unsigned long long tsval
) noexcept nogil:
    return (seq * 0x9E3779B1U ^ ack * 0x85EBCA77U ^ tsval * 0x9E3779B1U >> 7) & 0x7FFFFFFF
