# The C types of replay.py.
cimport cython
from bypeer.core.conntrack cimport adopt, resume, step
from bypeer.core.entry cimport Entry, Rules, Step
from bypeer.core.segment cimport Segment
from bypeer.core.study cimport Sighting

cdef int _OK, _KNOWN, _UNKNOWN
cdef long long _NOWHERE, _FOREVER

@cython.locals(before=Entry)
cdef Entry _stepped(Entry entry, Sighting one, Rules rules, Step out)
@cython.locals(one=Sighting, segment=Segment, entry=Entry, crossed="long long", until="long long", out=Step)
cpdef replay(object study, Rules rules, object seen, object watch=*)
cdef bint _kept_back(Sighting one, Entry entry) except -1
cdef Entry _begun(object seen, Rules rules)
cdef Entry _crossed(Entry entry, object crossings, long long at)
@cython.locals(one=Sighting, there="long long", back="long long", ingress="long long", seen=list)
cpdef list tracked(object study, object made)
@cython.locals(one=Sighting, way="long long", acked="long long[2]", lowest="long long[2]")
cdef _pass(list seen, long long there, long long back)
cdef bint _left(Sighting one, long long there, long long back) except -1
