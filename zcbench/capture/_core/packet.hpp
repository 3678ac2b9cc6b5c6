// Packet: metadata and a claim on a lease.
#pragma once

#include "lease.hpp"

namespace zc::python {

// The packet in `slot`, which it takes over, also on failure: null, with an exception, and the slot is
// released.
PyObject* make_packet(Stream* stream, Slot* slot);

bool add_packet_type(PyObject* module);

}  // namespace zc::python
