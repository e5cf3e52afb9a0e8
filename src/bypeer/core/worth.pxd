# The C types of worth.py.
cimport cython
from bypeer.core cimport connection as summary
from bypeer.core cimport lines
from bypeer.core.connections cimport Connections
from bypeer.core.lines cimport Line, Past, Way

cdef int _FIRST, _ISN, _SEEN, _ENDED, _TELLS, _OVER, _THERE, _BACK, _RESET
cdef long long _AHEAD
cdef unsigned long long _SEED, _MIX, _NUMBERS, _BACKWARDS

cdef class Digest:
    cdef public Connections table
    cdef public object numbers
    cdef public bytearray traits
    @cython.locals(line="Line *", past="Past *", row="long long", found="int",
                   numbers="unsigned long long[::1]", traits=bytearray)
    cdef _fill(self, Connections table, long long until)

@cython.locals(row="long long", traits=bytearray, found=list)
cpdef list telling(Digest digest)

@cython.final
cdef class Tally:
    cdef bytearray _memory, _states
    cdef unsigned long long *_slots
    cdef unsigned long long _mask
    @cython.locals(at="unsigned long long", slots="unsigned long long *")
    cdef Py_ssize_t _slot(self, unsigned long long key) except -1
    @cython.locals(at="Py_ssize_t")
    cdef int _add(self, unsigned long long key) except -1
    @cython.locals(known="unsigned long long[::1]", traits=bytearray, row="long long")
    cpdef note(self, Digest digest, object rows)
    cdef int times(self, unsigned long long key) except -1

@cython.locals(row="long long", traits=bytearray, found=list)
cpdef list unnumbered(Digest digest, object rows)
@cython.locals(row="long long", known="unsigned long long[::1]", there="int", found=list)
cpdef list sharing(Digest digest, Tally numbers, set but)
@cython.locals(digest=Digest, known="unsigned long long[::1]", traits=bytearray, row="long long", tally=Tally,
               shared="bint", alone=list)
cpdef list lone(object digests, object rows, object among)
@cython.locals(past="Past *", digest=Digest, at="long long", row="long long", resets=list, rest=list, shown=set,
               place=tuple, count="long long")
cpdef list surplus(object digests, object rows, long long most)
@cython.locals(line="Line *", past="Past *", way="Way *", direction="int", table=Connections)
cpdef bint usual(Digest digest, long long row) except -1
@cython.locals(past="Past *", hints=bytearray, doors=bytearray, value="unsigned int", low="unsigned long long",
               port="int", row="long long", known="bint", found=list)
cpdef list near(Connections table, set prints, set ends)
@cython.locals(line="Line *", past="Past *", way="Way *", direction="int", at="long long", value="unsigned int")
cdef bint _printed(char **pieces, long long row, set prints, bytearray hints) except -1
@cython.locals(digest=Digest, row="long long", size="long long", mask="unsigned long long", at="unsigned long long",
               key="unsigned long long", keys="unsigned long long[::1]", slots="unsigned long long *",
               memory=bytearray, states=bytearray, taken=bytearray, traits=bytearray, count="long long",
               over="long long")
cpdef apart(object digests, object joined)
@cython.locals(traits=bytearray, taken=bytearray, row="long long", count="long long", still="long long")
cpdef tuple _nameless(Digest digest, object rows)
