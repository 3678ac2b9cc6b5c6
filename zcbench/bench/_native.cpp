// What a benchmark needs from C: the bare memcpy, and a producer for PortAudio's ring buffer.
//
// Python calls both from a thread of its own; neither touches a Python object after the GIL is released.

#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API  // the build says it
#define Py_LIMITED_API 0x030B0000
#endif
#include <Python.h>

#include <chrono>
#include <cstring>
#include <thread>

namespace {

struct Buffer : Py_buffer {
  Buffer() : Py_buffer{} {}
  ~Buffer() {
    if (obj != nullptr) PyBuffer_Release(this);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  char* data() const { return static_cast<char*>(buf); }
};

// Whole packets, at least one of them.
bool holds_packets(const Buffer& buffer, Py_ssize_t packet_bytes, Py_ssize_t packets) {
  if (packet_bytes > 0 && packets >= 0 && buffer.len >= packet_bytes && buffer.len % packet_bytes == 0) {
    return true;
  }
  PyErr_SetString(PyExc_ValueError, "a buffer must hold whole packets, at least one");
  return false;
}

PyObject* copy_packets(PyObject*, PyObject* args) {
  Buffer source;
  Buffer target;
  Py_ssize_t packet_bytes = 0;
  Py_ssize_t packets = 0;
  if (!PyArg_ParseTuple(args, "y*w*nn", static_cast<Py_buffer*>(&source), static_cast<Py_buffer*>(&target),
                        &packet_bytes, &packets) ||
      !holds_packets(source, packet_bytes, packets) || !holds_packets(target, packet_bytes, packets)) {
    return nullptr;
  }
  std::chrono::nanoseconds taken{};
  Py_BEGIN_ALLOW_THREADS;
  const auto began = std::chrono::steady_clock::now();
  Py_ssize_t from = 0;
  Py_ssize_t to = 0;
  for (Py_ssize_t k = 0; k < packets; ++k) {
    std::memcpy(target.data() + to, source.data() + from, static_cast<std::size_t>(packet_bytes));
    from = from + packet_bytes == source.len ? 0 : from + packet_bytes;
    to = to + packet_bytes == target.len ? 0 : to + packet_bytes;
  }
  taken = std::chrono::steady_clock::now() - began;
  Py_END_ALLOW_THREADS;
  return PyLong_FromLongLong(taken.count());
}

// PaUtil_WriteRingBuffer of pa_ringbuffer.h; ring_buffer_size_t is long outside macOS's 32-bit past.
using WriteRing = long (*)(void* ring, const void* data, long elements);

PyObject* write_ring(PyObject*, PyObject* args) {
  unsigned long long function = 0;
  PyObject* addresses = nullptr;
  Buffer source;
  Py_ssize_t packet_bytes = 0;
  Py_ssize_t packets = 0;
  if (!PyArg_ParseTuple(args, "KO!y*nn", &function, &PyTuple_Type, &addresses,
                        static_cast<Py_buffer*>(&source), &packet_bytes, &packets) ||
      !holds_packets(source, packet_bytes, packets)) {
    return nullptr;
  }
  constexpr Py_ssize_t kMost = 64;
  void* rings[kMost];
  const Py_ssize_t count = PyTuple_Size(addresses);
  if (count < 1 || count > kMost) {
    PyErr_SetString(PyExc_ValueError, "1 to 64 rings");
    return nullptr;
  }
  for (Py_ssize_t i = 0; i < count; ++i) {
    rings[i] = PyLong_AsVoidPtr(PyTuple_GetItem(addresses, i));
    if (PyErr_Occurred() != nullptr) return nullptr;
  }
  const auto write = reinterpret_cast<WriteRing>(function);
  Py_BEGIN_ALLOW_THREADS;
  Py_ssize_t from = 0;
  for (Py_ssize_t k = 0; k < packets; ++k) {
    // The ring has no way to wait: an audio callback would drop the packet here.
    while (write(rings[k % count], source.data() + from, 1) == 0) std::this_thread::yield();
    from = from + packet_bytes == source.len ? 0 : from + packet_bytes;
  }
  Py_END_ALLOW_THREADS;
  Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"copy_packets", copy_packets, METH_VARARGS,
     "copy_packets(source, target, packet_bytes, packets): memcpy them one by one, both buffers used round "
     "and round; the nanoseconds it took."},
    {"write_ring", write_ring, METH_VARARGS,
     "write_ring(function, rings, source, packet_bytes, packets): write them to the rings in turn with "
     "PaUtil_WriteRingBuffer, at the address `function`."},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                          "_native",
                          "What a benchmark needs from C.",
                          -1,
                          methods,
                          nullptr,
                          nullptr,
                          nullptr,
                          nullptr};

}  // namespace

PyMODINIT_FUNC PyInit__native() { return PyModule_Create(&definition); }
