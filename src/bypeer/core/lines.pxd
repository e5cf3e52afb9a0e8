# lines.py for compiled modules: the rows as C structs, inline, so that this module itself need not be compiled
# (setup.py). Whoever calls these has checked that the row is one of those that there are.
from libc.string cimport memcpy, memset

cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define bypeer_fetch(address) __builtin_prefetch(address)
    #else
    #define bypeer_fetch(address) ((void)0)
    #endif
    """
    void bypeer_fetch(const void *address) noexcept nogil

cdef enum:
    PIECE = 512

cdef struct Packet:
    unsigned long long src_hi, src_lo, dst_hi, dst_lo
    long long interface, ts, frame
    unsigned int seq, ack, end, tsval
    unsigned short sport, dport
    short wscale
    unsigned char flags, ttl, version

cdef struct Way:
    unsigned int segments, low, high, acked, most
    unsigned char kept, ttl
    unsigned short known
    unsigned int spare[2]  # to 32 octets

cdef struct Line:
    unsigned long long client_hi, client_lo, server_hi, server_lo
    long long interface, ended, pause
    unsigned short client_port, server_port, dated, traits
    Way ways[2]

cdef struct Past:
    long long paused_since, paused_at
    long long clock[4]
    long long number, first_frame, started
    long long marks[6]
    unsigned int first[2]
    unsigned int isn[2]
    unsigned int fin_end[2]
    unsigned int resets[2]
    short wscale[2]
    int marked
    unsigned int prints[48]

cdef inline bytearray packets(long long count):
    return bytearray(count * sizeof(Packet))

cdef inline Packet *packet_at(bytearray memory, long long place) noexcept:
    return <Packet *><char *>memory + place

cdef inline char **pieces(bytearray memory) noexcept:
    return <char **><char *>memory

cdef inline bytearray piece(char **found, long long number):
    memory = bytearray(PIECE * (sizeof(Line) + sizeof(Past)) + 64)
    address = <char *>memory
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

cdef inline Way *way_of(Line *line, int direction) noexcept nogil:
    return &line.ways[direction]

cdef inline unsigned long long *slots_of(bytearray octets) noexcept:
    return <unsigned long long *><char *>octets

cdef inline void fetch_slot(unsigned long long *slots, unsigned long long at) noexcept nogil:
    bypeer_fetch(slots + at)

cdef inline void fetch_line(char **found, long long row) noexcept nogil:
    cdef Line *line = line_at(found, row)
    bypeer_fetch(line)
    bypeer_fetch(&line.ways[0])

cdef inline void fetch_past(char **found, long long row, int sketch) noexcept nogil:
    cdef Line *line = line_at(found, row)
    cdef Past *past
    if line.ways[0].kept < sketch or line.ways[1].kept < sketch:
        past = past_at(found, row)
        bypeer_fetch(past)
        bypeer_fetch(past.prints)
        bypeer_fetch(past.prints + 16)
        bypeer_fetch(past.prints + 32)

cdef inline unsigned long long wrapped(unsigned long long number) noexcept nogil:
    return number
