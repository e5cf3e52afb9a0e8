# The C types of worth.py.
cimport cython
from bypeer.core cimport connection as summary
from bypeer.core cimport lines
from bypeer.core.connections cimport Connections
from bypeer.core.lines cimport Line, Past, Way

cdef int _SKETCH, _FIRST, _ISN, _SEEN, _ENDED
cdef unsigned long long _SEED, _MIX

@cython.locals(row="long long", found=list)
cpdef list telling(Connections table, long long until)
@cython.locals(line="Line *", past="Past *", row="long long", known="int", other="int", unopened=list)
cpdef list numbers(Connections table, object rows, set there, set back)
@cython.locals(past="Past *", hints=bytearray, isn="long long", row="long long", one="unsigned int",
               other="unsigned int", found=list)
cpdef list sharing(Connections table, set there, set back)
@cython.locals(table=Connections, row="long long", direction="int", key="long long", one="long long",
               other="long long", once=set, twice=set, alone=list)
cpdef list lone(object tables, object rows, object among)
@cython.locals(way="Way *")
cdef long long _directed(char **pieces, long long row, long long direction) except? -2
@cython.locals(past="Past *", row="long long", found=list)
cpdef list ranked(Connections table, object rows)
cpdef long long interface(Connections table, long long row) except? -1
@cython.locals(line="Line *", way="Way *", direction="int")
cpdef bint usual(Connections table, long long row) except -1
@cython.locals(line="Line *", hints=bytearray, doors=bytearray, value="unsigned int", low="unsigned long long",
               port="int", row="long long", known="bint", found=list)
cpdef list near(Connections table, set prints, set ends)
@cython.locals(line="Line *", past="Past *", way="Way *", direction="int", at="long long")
cdef bint _printed(char **pieces, long long row, set prints, bytearray hints) except -1
@cython.locals(table=Connections, row="long long", mask="unsigned long long", at="unsigned long long",
               key="unsigned long long", slots="unsigned long long *", memory=bytearray, known=bytearray,
               taken=bytearray, count="long long", over="long long")
cpdef apart(object tables, object joined)
@cython.locals(past="Past *")
cdef unsigned long long _key(char **pieces, long long row) noexcept
