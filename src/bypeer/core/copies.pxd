# The C types of copies.py.
cimport cython
from bypeer.core.segment cimport Segment
from bypeer.core.study cimport Sighting

cdef long long _AT_ONCE
cdef Py_ssize_t _MOST

@cython.locals(one=Sighting, rows=list, here=list, single=list)
cpdef leave_out(object study)
@cython.locals(one=Sighting, segment=Segment, waiting=dict, found=set)
cdef set _second(list rows)
@cython.locals(one=Sighting, left=Sighting, segment=Segment, alike=dict, some=list, found=list, at="Py_ssize_t")
cpdef list forwarded(list rows)
@cython.locals(one=Sighting, at="Py_ssize_t", found="Py_ssize_t", stop="Py_ssize_t")
cdef Py_ssize_t _came(list alike, Sighting left) except? -2
