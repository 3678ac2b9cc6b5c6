// Reader: read() and read_many(), which an engine's Python class inherits. No call is between Python and
// them.
#include <algorithm>
#include <array>
#include <span>

#include "clock.hpp"
#include "engine.hpp"
#include "packet.hpp"

namespace zc::python {

namespace {

struct ReaderObject {
  PyObject_HEAD EngineObject* engine;  // null before __init__
};

int reader_init(PyObject* self, PyObject* args, PyObject* kwargs) {
  auto* reader = as<ReaderObject>(self);
  PyObject* engine = nullptr;
  static const char* names[] = {"engine", nullptr};
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!:Reader", const_cast<char**>(names), engine_type(),
                                   &engine)) {
    return -1;
  }
  PyObject* before = object(reader->engine);
  reader->engine = as<EngineObject>(Py_NewRef(engine));
  Py_XDECREF(before);
  return 0;
}

// Python's subclasses come here last: their attributes are gone.
void reader_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  Py_XDECREF(object(as<ReaderObject>(self)->engine));
  reinterpret_cast<freefunc>(PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

// The reader's stream; null, and RuntimeError, where there is none to read.
Stream* readable_stream(PyObject* self) {
  auto* engine = as<ReaderObject>(self)->engine;
  if (engine != nullptr) return own_stream(engine);
  PyErr_SetString(PyExc_RuntimeError, "the engine was not made: call super().__init__() first");
  return nullptr;
}

// Takes at least one packet into `into`, waiting up to `timeout` seconds (None: for ever), and sets `count`:
// 0 when the stream has ended. One thread at a time. GIL released while it waits, in slices, so that Ctrl-C
// is seen while nothing comes. False: an exception is set.
bool take(Stream* stream, PyObject* timeout, std::span<Slot*> into, std::size_t& count) {
  constexpr std::uint64_t kSlice_ns = 100'000'000;
  Capture& capture = *stream->capture;
  if ((count = capture.try_read(into)) > 0) return true;

  std::uint64_t deadline = UINT64_MAX;
  if (timeout != Py_None) {
    const double seconds = PyFloat_AsDouble(timeout);
    if (PyErr_Occurred() != nullptr) return false;
    if (!(seconds >= 0)) {
      PyErr_SetString(PyExc_ValueError, "timeout must be at least 0 seconds, or None");
      return false;
    }
    if (seconds < 1e9) deadline = now_ns() + static_cast<std::uint64_t>(seconds * 1e9);
  }
  for (;;) {
    if ((count = capture.try_read(into)) > 0 || capture.drained()) return true;
    const std::uint64_t now = now_ns();
    if (now >= deadline) {
      PyErr_SetString(PyExc_TimeoutError, "no packet within the timeout");
      return false;
    }
    const std::uint64_t slice = std::min(kSlice_ns, deadline - now);
    Py_BEGIN_ALLOW_THREADS capture.wait_for_packet(slice);
    Py_END_ALLOW_THREADS if (PyErr_CheckSignals() < 0) return false;
  }
}

// Puts the arguments of a METH_FASTCALL | METH_KEYWORDS method where their names are, borrowed; what is not
// given stays as it is. False: an exception is set. PyArg_ParseTupleAndKeywords took a fifth of read()'s
// time.
template <std::size_t N>
bool parse(const char* method, const std::array<const char*, N>& names, PyObject* const* given,
           Py_ssize_t positional, PyObject* keywords, std::array<PyObject*, N>& found) {
  if (positional > static_cast<Py_ssize_t>(N)) {
    PyErr_Format(PyExc_TypeError, "%s() takes at most %zu arguments (%zd given)", method, N, positional);
    return false;
  }
  std::copy_n(given, positional, found.begin());
  const Py_ssize_t named = keywords == nullptr ? 0 : PyTuple_Size(keywords);
  for (Py_ssize_t i = 0; i < named; ++i) {
    PyObject* keyword = PyTuple_GetItem(keywords, i);
    const auto name = std::find_if(names.begin(), names.end(), [keyword](const char* known) {
      return PyUnicode_CompareWithASCIIString(keyword, known) == 0;
    });
    if (name == names.end()) {
      PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'", method, keyword);
      return false;
    }
    if (name - names.begin() < positional) {
      PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument '%U'", method, keyword);
      return false;
    }
    found[static_cast<std::size_t>(name - names.begin())] = given[positional + i];
  }
  return true;
}

PyObject* reader_read(PyObject* self, PyObject* const* given, Py_ssize_t positional, PyObject* keywords) {
  std::array<PyObject*, 1> found{Py_None};
  if (!parse("read", {"timeout"}, given, positional, keywords, found)) return nullptr;
  const auto [timeout] = found;
  Stream* stream = readable_stream(self);
  if (stream == nullptr) return nullptr;
  Slot* slot = nullptr;
  std::size_t count = 0;
  if (!take(stream, timeout, {&slot, 1}, count)) return nullptr;
  if (count == 0) Py_RETURN_NONE;
  return make_packet(stream, slot);
}

// Appends the packets in `slots`, all of which it takes over. False: an exception is set.
bool append_packets(Stream* stream, std::span<Slot*> slots, PyObject* packets) {
  bool failed = false;
  for (Slot* slot : slots) {
    if (failed) {
      stream->capture->release(slot);
      continue;
    }
    PyObject* packet = make_packet(stream, slot);
    failed = packet == nullptr || PyList_Append(packets, packet) < 0;
    Py_XDECREF(packet);
  }
  return !failed;
}

// Appends at least one packet and at most `wanted`. False: an exception is set.
bool read_into(Stream* stream, PyObject* timeout, std::size_t wanted, PyObject* packets) {
  std::array<Slot*, kBatch> batch{};
  std::size_t count = 0;
  if (!take(stream, timeout, std::span(batch).first(std::min(wanted, kBatch)), count)) return false;
  // What came meanwhile is taken too, but nothing more is waited for.
  while (count > 0) {
    if (!append_packets(stream, std::span(batch).first(count), packets)) return false;
    wanted -= count;
    count = wanted == 0 ? 0 : stream->capture->try_read(std::span(batch).first(std::min(wanted, kBatch)));
  }
  return true;
}

PyObject* reader_read_many(PyObject* self, PyObject* const* given, Py_ssize_t positional,
                           PyObject* keywords) {
  std::array<PyObject*, 2> found{nullptr, Py_None};
  if (!parse("read_many", {"packets", "timeout"}, given, positional, keywords, found)) return nullptr;
  const auto [maximum, timeout] = found;
  if (maximum == nullptr) {
    PyErr_SetString(PyExc_TypeError, "read_many() misses its argument 'packets'");
    return nullptr;
  }
  const Py_ssize_t wanted = PyNumber_AsSsize_t(maximum, PyExc_OverflowError);
  if (wanted == -1 && PyErr_Occurred() != nullptr) return nullptr;
  if (wanted < 1) {
    PyErr_Format(PyExc_ValueError, "packets: %zd is not at least 1", wanted);
    return nullptr;
  }
  Stream* stream = readable_stream(self);
  if (stream == nullptr) return nullptr;
  PyObject* packets = PyList_New(0);
  if (packets == nullptr) return nullptr;
  if (read_into(stream, timeout, static_cast<std::size_t>(wanted), packets)) return packets;
  Py_DECREF(packets);
  return nullptr;
}

PyMethodDef reader_methods[] = {
    {"read", method(reader_read), METH_FASTCALL | METH_KEYWORDS,
     "read($self, /, timeout=None)\n--\n\n"
     "Return the next packet, in order; None once the stream has ended and is drained.\n\n"
     "Waits up to timeout seconds (None: for ever; 0: not at all), and raises TimeoutError when no packet\n"
     "came. Other threads run meanwhile. One thread reads at a time."},
    {"read_many", method(reader_read_many), METH_FASTCALL | METH_KEYWORDS,
     "read_many($self, /, packets, timeout=None)\n--\n\n"
     "Return the next packets, a list of at least one and at most so many; empty once the stream has\n"
     "ended and is drained.\n\n"
     "Takes what is queued; only if nothing is, waits for the first as read() does. Each packet has a lease\n"
     "of its own. For high rates: one call and one wake-up for all of them."},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot reader_slots[] = {
    {Py_tp_doc, const_cast<char*>("Reads a native stream; the base of zcbench.capture.native.NativeEngine.")},
    {Py_tp_new, reinterpret_cast<void*>(PyType_GenericNew)},
    {Py_tp_init, reinterpret_cast<void*>(reader_init)},
    {Py_tp_dealloc, reinterpret_cast<void*>(reader_dealloc)},
    {Py_tp_methods, reader_methods},
    {0, nullptr},
};
PyType_Spec reader_spec = {"zcbench.capture._core.Reader", sizeof(ReaderObject), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, reader_slots};

}  // namespace

bool add_reader_type(PyObject* module) {
  PyObject* type = PyType_FromSpec(&reader_spec);
  if (type == nullptr) return false;
  const bool added = PyModule_AddObjectRef(module, "Reader", type) == 0;
  Py_DECREF(type);
  return added;
}

}  // namespace zc::python
