# The C types of scan.py.
cimport cython

from bypeer.core.connection cimport Connection
from bypeer.core.connections cimport Connections
from bypeer.core.decode cimport decode
from bypeer.core.frames cimport Frames
from bypeer.core.segment cimport Segment

cdef int _TCP, _TUNNEL, _UNSUPPORTED, _LAST_TCP, _RST
cdef long long _UNDATED

@cython.locals(
    segment=Segment, connection=Connection, row="long long", kind="int", interface="long long",
    link_type="long long", resets="long long", plain="long long", verify="bint"
)
cdef _batch(Frames batch, object interfaces, Connections table, object found, list counts)
@cython.locals(began="long long", ended="long long", undated="long long", row="long long", ts="long long")
cdef _clock(object found, Frames batch)
