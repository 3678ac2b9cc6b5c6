#include "packet.hpp"

#include <array>

namespace zc::python {

namespace {

struct PacketObject {
  PyObject_HEAD LeaseObject* lease;  // null once released
  Py_ssize_t frames;
  Py_ssize_t channels;
  Py_ssize_t nbytes;
  std::uint64_t sequence;
  std::uint64_t time_ns;
  std::uint32_t flags;
  std::uint32_t checksum;
  bool has_checksum;
};

// A single-phase module: one interpreter.
PyTypeObject* g_type = nullptr;
FreeList<PacketObject> g_free_list;
// zcbench.capture.detached.DetachedPacket, imported at the first pickle.
PyObject* g_detached = nullptr;
// zcbench.capture.engine.PacketFlags of each value, made at its first use: to look one up costs nothing.
std::array<PyObject*, (kXrun | kGap | kOverflow) + 1> g_flags{};

// An attribute of a module; a new reference, or null with an exception.
PyObject* imported(const char* module_name, const char* attribute) {
  PyObject* module = PyImport_ImportModule(module_name);
  if (module == nullptr) return nullptr;
  PyObject* found = PyObject_GetAttrString(module, attribute);
  Py_DECREF(module);
  return found;
}

void packet_dealloc(PyObject* self) {
  Py_XDECREF(object(as<PacketObject>(self)->lease));
  g_free_list.put(self);
}

LeaseObject* claimed_lease(PyObject* self) {
  auto* packet = as<PacketObject>(self);
  if (packet->lease == nullptr) {
    PyErr_Format(PyExc_ValueError,
                 "packet %llu was released; take packet.array before release(), it keeps the slot by itself",
                 static_cast<unsigned long long>(packet->sequence));
  }
  return packet->lease;
}

int packet_getbuffer(PyObject* self, Py_buffer* view, int flags) {
  LeaseObject* lease = claimed_lease(self);
  if (lease == nullptr) {
    view->obj = nullptr;
    return -1;
  }
  return lease_getbuffer(object(lease), view, flags);  // view->obj is the lease, not this packet
}

// Never called: views release the lease. That it is there tells np.frombuffer(packet) to hold a view; it
// would otherwise hold only the packet, whose release() then took the memory from under the array.
void packet_releasebuffer(PyObject*, Py_buffer*) {}

PyObject* packet_array(PyObject* self, void*) {
  LeaseObject* lease = claimed_lease(self);
  if (lease == nullptr) return nullptr;
  Stream* stream = lease->stream;
  npy_intp dims[2] = {stream->shape[0], stream->shape[1]};
  Py_INCREF(object(stream->descr));  // stolen by NewFromDescr
  PyObject* array = PyArray_NewFromDescr(&PyArray_Type, stream->descr, 2, dims, nullptr, lease->slot->data,
                                         NPY_ARRAY_CARRAY, nullptr);
  if (array == nullptr) return nullptr;
  // NumPy collapses chains of arrays, but never past an object that is not an array: the base of every
  // view of this array is this array or the lease, and either keeps the slot.
  if (PyArray_SetBaseObject(as<PyArrayObject>(array), Py_NewRef(object(lease))) < 0) {
    Py_DECREF(array);
    return nullptr;
  }
  return array;
}

PyObject* packet_sequence(PyObject* self, void*) {
  return PyLong_FromUnsignedLongLong(as<PacketObject>(self)->sequence);
}
PyObject* packet_frames(PyObject* self, void*) { return PyLong_FromSsize_t(as<PacketObject>(self)->frames); }
PyObject* packet_channels(PyObject* self, void*) {
  return PyLong_FromSsize_t(as<PacketObject>(self)->channels);
}
PyObject* packet_nbytes(PyObject* self, void*) { return PyLong_FromSsize_t(as<PacketObject>(self)->nbytes); }
PyObject* packet_time_ns(PyObject* self, void*) {
  return PyLong_FromUnsignedLongLong(as<PacketObject>(self)->time_ns);
}
PyObject* packet_flags(PyObject* self, void*) {
  const std::uint32_t value = as<PacketObject>(self)->flags;
  PyObject*& flags = g_flags[value];
  if (flags == nullptr) {
    PyObject* type = imported("zcbench.capture.engine", "PacketFlags");
    if (type == nullptr) return nullptr;
    PyObject* made = PyObject_CallFunction(type, "I", value);
    Py_DECREF(type);
    if (made == nullptr) return nullptr;
    Py_XDECREF(flags);  // the call may have run another thread, which made it too
    flags = made;
  }
  return Py_NewRef(flags);
}
PyObject* packet_checksum(PyObject* self, void*) {
  auto* packet = as<PacketObject>(self);
  if (!packet->has_checksum) Py_RETURN_NONE;
  return PyLong_FromUnsignedLong(packet->checksum);
}
PyObject* packet_released(PyObject* self, void*) {
  return PyBool_FromLong(as<PacketObject>(self)->lease == nullptr);
}

PyObject* packet_release(PyObject* self, PyObject*) {
  auto* packet = as<PacketObject>(self);
  LeaseObject* lease = packet->lease;
  packet->lease = nullptr;  // first: dropping the lease may run other code
  Py_XDECREF(object(lease));
  Py_RETURN_NONE;
}

PyObject* packet_enter(PyObject* self, PyObject*) { return Py_NewRef(self); }

PyObject* packet_exit(PyObject* self, PyObject* const*, Py_ssize_t) { return packet_release(self, nullptr); }

PyObject* packet_dlpack(PyObject* self, PyObject* args, PyObject* kwargs) {
  PyObject* array = packet_array(self, nullptr);
  if (array == nullptr) return nullptr;
  PyObject* method = PyObject_GetAttrString(array, "__dlpack__");
  Py_DECREF(array);
  if (method == nullptr) return nullptr;
  PyObject* capsule = PyObject_Call(method, args, kwargs);
  Py_DECREF(method);
  return capsule;
}

PyObject* packet_dlpack_device(PyObject*, PyObject*) {
  // dlpack.h, DLDeviceType
  constexpr int kDLCPU = 1;
  return Py_BuildValue("(ii)", kDLCPU, 0);
}

// Pickling and copying take the data along: a lease belongs to this process and to one owner.
PyObject* packet_reduce(PyObject* self, PyObject*) {
  if (g_detached == nullptr) g_detached = imported("zcbench.capture.detached", "DetachedPacket");
  if (g_detached == nullptr) return nullptr;
  PyObject* array = packet_array(self, nullptr);
  if (array == nullptr) return nullptr;
  PyObject* copy = PyObject_CallMethod(array, "copy", nullptr);
  Py_DECREF(array);
  if (copy == nullptr) return nullptr;
  PyObject* flags = packet_flags(self, nullptr);
  PyObject* checksum = packet_checksum(self, nullptr);
  if (flags == nullptr || checksum == nullptr) {
    Py_XDECREF(flags);
    Py_XDECREF(checksum);
    Py_DECREF(copy);
    return nullptr;
  }
  auto* packet = as<PacketObject>(self);
  return Py_BuildValue("O(KKNNN)", g_detached, static_cast<unsigned long long>(packet->sequence),
                       static_cast<unsigned long long>(packet->time_ns), flags, checksum, copy);
}

PyObject* packet_repr(PyObject* self) {
  auto* packet = as<PacketObject>(self);
  return PyUnicode_FromFormat("<Packet %llu: %zd frames x %zd channels%s>",
                              static_cast<unsigned long long>(packet->sequence), packet->frames,
                              packet->channels, packet->lease == nullptr ? ", released" : "");
}

PyGetSetDef packet_getset[] = {
    {"sequence", packet_sequence, nullptr, "number of the packet in its stream, from 0", nullptr},
    {"frames", packet_frames, nullptr, "frames in the packet", nullptr},
    {"channels", packet_channels, nullptr, "channels in each frame", nullptr},
    {"nbytes", packet_nbytes, nullptr, "payload bytes", nullptr},
    {"time_ns", packet_time_ns, nullptr, "capture time, on the clock of time.monotonic_ns()", nullptr},
    {"flags", packet_flags, nullptr, "what the engine knew of it at capture, a PacketFlags", nullptr},
    {"checksum", packet_checksum, nullptr, "CRC-32 taken by the producer, or None", nullptr},
    {"array", packet_array, nullptr,
     "the samples, shape (frames, channels), no copy; keeps the slot by itself", nullptr},
    {"released", packet_released, nullptr, "whether release() was called", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMethodDef packet_methods[] = {
    {"release", packet_release, METH_NOARGS, "Give up the packet's own claim; arrays keep theirs."},
    {"__enter__", packet_enter, METH_NOARGS, nullptr},
    {"__exit__", method(packet_exit), METH_FASTCALL, nullptr},
    {"__dlpack__", method(packet_dlpack), METH_VARARGS | METH_KEYWORDS, nullptr},
    {"__dlpack_device__", packet_dlpack_device, METH_NOARGS, nullptr},
    {"__reduce__", packet_reduce, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot packet_slots[] = {
    {Py_tp_doc, const_cast<char*>("One captured block: metadata and a claim on its lease.")},
    {Py_tp_dealloc, reinterpret_cast<void*>(packet_dealloc)},
    {Py_tp_repr, reinterpret_cast<void*>(packet_repr)},
    {Py_tp_getset, packet_getset},
    {Py_tp_methods, packet_methods},
    {Py_bf_getbuffer, reinterpret_cast<void*>(packet_getbuffer)},
    {Py_bf_releasebuffer, reinterpret_cast<void*>(packet_releasebuffer)},
    {0, nullptr},
};
PyType_Spec packet_spec = {"zcbench.capture._core.Packet", sizeof(PacketObject), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, packet_slots};

}  // namespace

PyObject* make_packet(Stream* stream, Slot* slot) {
  LeaseObject* lease = make_lease(stream, slot);
  if (lease == nullptr) return nullptr;
  auto* packet = g_free_list.take(g_type);
  if (packet == nullptr) {
    Py_DECREF(object(lease));
    return nullptr;
  }
  packet->lease = lease;
  packet->frames = stream->shape[0];
  packet->channels = stream->shape[1];
  packet->nbytes = stream->shape[0] * stream->strides[0];
  packet->sequence = slot->sequence;
  packet->time_ns = slot->time_ns;
  packet->flags = slot->flags;
  packet->checksum = slot->checksum;
  packet->has_checksum = stream->capture->config().checksum;
  return object(packet);
}

bool add_packet_type(PyObject* module) {
  g_type = as<PyTypeObject>(PyType_FromSpec(&packet_spec));
  return g_type != nullptr && PyModule_AddObjectRef(module, "Packet", object(g_type)) == 0;
}

}  // namespace zc::python
