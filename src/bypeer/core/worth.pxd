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
@cython.locals(known="unsigned long long[::1]", traits=bytearray, row="long long", unopened=list)
cpdef list numbers(Digest digest, object rows, set there, set back)
@cython.locals(row="long long", traits=bytearray, found=list)
cpdef list unnumbered(Digest digest, object rows)
@cython.locals(hints=bytearray, isn="long long", row="long long", one="unsigned int", other="unsigned int",
               known="unsigned long long[::1]", found=list)
cpdef list sharing(Digest digest, set there, set back)
@cython.locals(digest=Digest, known="unsigned long long[::1]", traits=bytearray, row="long long", key="long long",
               once=set, twice=set, shared="bint", alone=list)
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
