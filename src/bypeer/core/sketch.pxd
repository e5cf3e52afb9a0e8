# The C types of sketch.py.
cimport cython
from bypeer.core cimport lines
from bypeer.core.lines cimport Past, Way

cdef int _SKETCH

@cython.locals(kept="int", at="int", place="int")
cdef void keep(Way *way, Past *past, int direction, unsigned int value) noexcept
