# The C types of forward.py.
cimport cython
from bypeer.core.study cimport Sighting

cdef long long _FOREVER

@cython.locals(one=Sighting, others=list)
cpdef match(object study)
cdef tuple _exact(Sighting one)
cdef tuple _loose(Sighting one)
@cython.locals(one=Sighting, other=Sighting, at="long long")
cdef _pair(object came, object went, long long early, object key_of)
cdef _join(Sighting came, Sighting went)
@cython.locals(one=Sighting, tile=Sighting)
cdef _tile(object whole, object parts, int later)
@cython.locals(part=Sighting, at="long long", lag="long long", fits=bint)
cdef list _tiles(Sighting one, object left, object starts, int later, dict given)
@cython.locals(one=Sighting, longest="long long")
cdef _unkept(object study)
@cython.locals(one=Sighting, here=list, front="long long", last="long long")
cdef _holes(object study, int side, int direction)
@cython.locals(one=Sighting, front="long long", last="long long", crossed="long long")
cdef long long _places(object study, int side, list here, object missing) except? -1
@cython.locals(one=Sighting, opening="long long", closing="long long", flags="int")
cdef _filtered(object study, int side)
@cython.locals(one=Sighting)
cdef list _opened(list rows)
@cython.locals(one=Sighting, gaps=list, ranges=list, start="long long", end="long long", front="long long")
cdef list _gaps(list rows)
@cython.locals(one=Sighting, sent="long long", ack="long long", both=bint)
cdef long long _acknowledged(object study, int direction) except? -1
@cython.locals(one=Sighting, alone=dict, passed="long long", when="long long")
cdef tuple _passed(object study, int direction)
@cython.locals(one=Sighting)
cdef _orphans(object study)
