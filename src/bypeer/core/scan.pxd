# The C types of scan.py.
cimport cython

from bypeer.core.connections cimport Connection, Connections
from bypeer.core.decode cimport decode
from bypeer.core.segment cimport Segment

@cython.locals(
    segment=Segment, connection=Connection, row="long long", kind="int", interface="long long", verify="bint"
)
cdef _batch(object batch, object interfaces, Connections table, object found, list counts)
cdef _clock(object found, long long ts)
