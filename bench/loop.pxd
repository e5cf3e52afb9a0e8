# The C types of loop.py.
cimport cython
from bypeer.core.conntrack cimport step
from bypeer.core.entry cimport Entry, Rules, Step
from bypeer.core.segment cimport Segment

@cython.locals(row=Py_ssize_t, way="int", segment=Segment)
cpdef played(list segments, bytes ways, Entry entry, Rules rules, Step out)
@cython.locals(row=Py_ssize_t, way="int", segment=Segment, total="long long")
cpdef walked(list segments, bytes ways, Entry entry)
@cython.locals(row=Py_ssize_t, way="int", segment=Segment, copy=Segment, total="long long")
cpdef copied(list segments, bytes ways, Entry entry)
