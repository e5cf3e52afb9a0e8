# The C types of sketch.py.
cimport cython
from bypeer.core cimport lines
from bypeer.core.lines cimport Past, Way

cdef int _SKETCH
cdef unsigned int _UNSET

@cython.locals(at="int", place="int")
cdef void keep(Way *way, Past *past, int direction, unsigned int value) noexcept
@cython.locals(kept="int", at="int", place="int", other="int", value="unsigned int")
cdef void _settle(Way *way, Past *past, int direction) noexcept
