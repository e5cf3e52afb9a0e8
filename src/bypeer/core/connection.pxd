# The C types of connection.py.
cimport cython
from bypeer.core cimport lines, tuples
from bypeer.core.lines cimport Line, Packet, Past, Way

cdef long long _NUMBERS, _HALF, _UNDATED
cdef int _OPENED, _VERSION6, _SYN, _ABSENT, _SPECIAL, _CLOCK, _FIRST

@cython.locals(line="Line *", past="Past *", way="Way *", direction="int")
cdef clear(char **pieces, long long row, Packet *packet, long long number)
@cython.locals(way="Way *", past="Past *")
cdef void begin_way(char **pieces, long long row, int direction, Packet *packet) noexcept
@cython.locals(line="Line *", past="Past *")
cdef void moment(char **pieces, long long row, long long ts) noexcept
@cython.locals(line="Line *", past="Past *", at="long long")
cdef summed_up(char **pieces, long long row, object rare, long long until)
@cython.locals(line="Line *", past="Past *", way="Way *", known="int", at="long long",
               resets="long long", first="bint")
cdef _half(char **pieces, long long row, int direction, object rare)


@cython.locals(line="Line *", past="Past *", way="Way *", other="Way *", direction="int")
cdef bint finished(char **pieces, long long row) except -1
cdef bint quiet(char **pieces, long long row, long long until) except -1
cdef bint harmless(char **pieces, long long row, long long until) except -1
@cython.locals(line="Line *", past="Past *", there="int", back="int")
cdef bint _went_well(char **pieces, long long row, long long until, int both) except -1
@cython.locals(line="Line *", past="Past *", reset="bint")
cdef tuple dispensable(char **pieces, long long row)
