# The C types of replay.py.
cimport cython
from bypeer.core.conntrack cimport adopt, resume, step
from bypeer.core.entry cimport Entry, Rules, Step
from bypeer.core.study cimport Sighting

cdef int _OK

@cython.locals(one=Sighting, entry=Entry, crossed="long long", out=Step, rules=Rules)
cpdef replay(object study, object kernel, object seen, object sysctls=*, object watch=*)
@cython.locals(one=Sighting)
cdef set _passed(object study, object seen)
cdef Entry _crossed(Entry entry, object crossings, long long at)
