# The C types of mutate.py.
cimport cython
from bypeer.core.entry cimport Entry, Side
from bypeer.core.segment cimport Segment
from bypeer.lab.chance cimport Chance

cdef int _SYN, _RST, _ACK, _ABSENT, _BAD, _LARGEST
cdef long long _MASK, _HALF, _LAG

@cython.locals(sender=Side, receiver=Side, at="int", value="long long")
cpdef long long seq_at(Entry entry, int direction, long long size, Chance chance) except -1
@cython.locals(sender=Side, receiver=Side, at="int", value="long long")
cpdef long long ack_at(Entry entry, int direction, Chance chance) except -1
@cython.locals(state="int", flags=tuple, side=Side)
cpdef onwards(Entry entry, int direction, Segment segment, Chance chance)
@cython.locals(what="int")
cpdef spoil(Entry entry, int direction, Segment segment, Chance chance)
@cython.locals(what="int")
cdef _spoil_seldom(Entry entry, Segment segment, Chance chance)
@cython.locals(sender=Side, receiver=Side, at="int", end="long long", wanted="long long")
cdef _resize(Entry entry, int direction, Segment segment, Chance chance)
cdef _offer(Segment segment, Chance chance)
@cython.locals(size="long long")
cdef _repeat(Entry entry, Segment segment)
@cython.locals(syn=bint, room=bint)
cdef _settle(Entry entry, int direction, Segment segment, Chance chance)
@cython.locals(right="long long")
cdef _select(Entry entry, int direction, Segment segment, Chance chance)
@cython.locals(gap="long long")
cdef long long _highest(long long one, long long other) except -1
