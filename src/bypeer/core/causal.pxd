# The C types of causal.py.
cimport cython
from bypeer.core.study cimport Sighting

cdef long long _FOREVER
cdef int _OUTSIDE

@cython.locals(one=Sighting, other=Sighting, here="Py_ssize_t", there="Py_ssize_t", first="bint", held="bint",
               other_held="bint", gone=set, found=list)
cdef list _woven(list inside, list outside, long long outward)
cdef bint _held(Sighting one, long long outward, set gone) except -1
@cython.locals(one=Sighting, before="long long")
cdef _date(list sightings)
