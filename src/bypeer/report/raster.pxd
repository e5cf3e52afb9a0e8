# The C types of raster.py.
cimport cython

@cython.locals(ts="const long long[::1]", values="const long long[::1]", sizes="const unsigned int[::1]",
               kinds="const unsigned char[::1]", start="long long", high="long long", width="long long",
               height="long long", across="double", down="double", behind="bint", row="Py_ssize_t", kind="int",
               first="int", last="int", size="long long", low="long long", column="long long", bottom="long long",
               top="long long", code="int", line="long long", spot="long long", middle="long long", dot="int",
               x="long long", y="long long")
cdef _draw(unsigned char[::1] canvas, tuple columns, Py_ssize_t at, Py_ssize_t stop, tuple frame,
           const int[::1] dots, const int[::1] starts)
cdef long long _pixel(double far, long long height) noexcept
@cython.locals(row="Py_ssize_t", kind="int", low="long long", high="long long", fresh="bint")
cdef _reach(const long long[::1] values, const unsigned int[::1] sizes, const unsigned char[::1] kinds, bint behind,
            Py_ssize_t at, Py_ssize_t stop, long long least, long long most, long long[::1] ends)
