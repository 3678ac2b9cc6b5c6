// The Python types over the core: Engine, Packet, Lease. CPython's limited API (3.11), NumPy's C API.
//
// Every function here runs with the GIL held, except between Py_BEGIN_ALLOW_THREADS and
// Py_END_ALLOW_THREADS. The audio callback and the replay driver's thread never come here.

#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API  // the build says it
#define Py_LIMITED_API 0x030B0000
#endif
#include <Python.h>

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#include <numpy/arrayobject.h>

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <system_error>

#include "capture.hpp"
#include "clock.hpp"
#include "fork.hpp"
#include "keeper.hpp"
#include "portaudio.hpp"
#include "realtime.hpp"
#include "replay.hpp"

namespace {

// How many packets are taken off the queue at once: a caller that wants more gets them in turns.
constexpr std::size_t kBatch = 64;

struct Types {
  PyTypeObject* engine = nullptr;
  PyTypeObject* packet = nullptr;
  PyTypeObject* lease = nullptr;
  PyObject* detach = nullptr;  // zcbench.capture.detached.DetachedPacket, imported at the first pickle
};
Types g_types;  // single-phase module: one interpreter

// Everything a lease needs after its engine is gone: the pool, the page it counts on, the PCM it reads.
// Counted by hand under the GIL; deleted by whoever drops the last reference, engine or lease.
struct Stream {
  Py_ssize_t references = 1;
  const unsigned forks = zc::Forks::count();
  Py_buffer page{};
  Py_buffer pcm{};
  PyArray_Descr* descr = nullptr;
  Py_ssize_t shape[2]{};
  Py_ssize_t strides[2]{};
  char format[2]{};
  std::optional<zc::Capture> capture;
  std::optional<zc::Replay> replay;
  std::optional<zc::DeviceInput> device;
  std::optional<zc::Keeper> keeper;

  // Whether this is a forked child's copy. It only ever reads what its packets held, and is never freed.
  bool in_forked_child() const noexcept { return forks != zc::Forks::count(); }

  void drop() {
    if (--references > 0) return;
    keeper.reset();
    replay.reset();
    device.reset();
    capture.reset();
    if (pcm.obj != nullptr) PyBuffer_Release(&pcm);
    if (page.obj != nullptr) PyBuffer_Release(&page);
    Py_XDECREF(reinterpret_cast<PyObject*>(descr));
    delete this;
  }
};

struct LeaseObject {
  PyObject_HEAD Stream* stream;
  zc::Slot* slot;
};

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

struct EngineObject {
  PyObject_HEAD Stream* stream;
  bool started;
};

template <class T>
T* as(PyObject* object) {
  return reinterpret_cast<T*>(object);
}

template <class T>
PyObject* object(T* pointer) {
  return reinterpret_cast<PyObject*>(pointer);
}

// Memory of objects that died, for the next ones: with as many packets as a batch holds, or fewer, none is
// asked of Python's allocator. Never more than that is kept, whatever the application held at once.
template <class T>
class Spares {
 public:
  // Uninitialised but for its head; null, with an exception, without memory.
  T* take(PyTypeObject* type) {
    if (count_ == 0) return PyObject_New(T, type);
    return as<T>(PyObject_Init(kept_[--count_], type));
  }
  void put(PyObject* dead) {
    PyTypeObject* type = Py_TYPE(dead);
    if (count_ < kept_.size()) {
      kept_[count_++] = dead;
    } else {
      PyObject_Free(dead);
    }
    Py_DECREF(type);
  }

 private:
  std::array<PyObject*, kBatch> kept_{};
  std::size_t count_ = 0;
};
Spares<LeaseObject> g_leases;
Spares<PacketObject> g_packets;

// ---- Lease: the owner of a slot; the bottom of every array and memoryview over it ----

void lease_dealloc(PyObject* self) {
  auto* lease = as<LeaseObject>(self);
  if (!lease->stream->in_forked_child()) {
    if (lease->slot != nullptr) lease->stream->capture->release(lease->slot);
    lease->stream->drop();
  }
  g_leases.put(self);
}

int lease_getbuffer(PyObject* self, Py_buffer* view, int flags) {
  auto* lease = as<LeaseObject>(self);
  Stream* stream = lease->stream;
  if ((flags & PyBUF_F_CONTIGUOUS) == PyBUF_F_CONTIGUOUS && stream->shape[0] > 1 && stream->shape[1] > 1) {
    view->obj = nullptr;
    PyErr_SetString(PyExc_BufferError, "a packet is C-contiguous, (frames, channels)");
    return -1;
  }
  view->buf = lease->slot->data;
  view->obj = Py_NewRef(self);
  view->len = stream->shape[0] * stream->strides[0];
  view->readonly = 0;
  view->itemsize = stream->strides[1];
  view->format = (flags & PyBUF_FORMAT) != 0 ? stream->format : nullptr;
  view->ndim = (flags & PyBUF_ND) == PyBUF_ND ? 2 : 1;
  view->shape = (flags & PyBUF_ND) == PyBUF_ND ? stream->shape : nullptr;
  view->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? stream->strides : nullptr;
  view->suboffsets = nullptr;
  view->internal = nullptr;
  return 0;
}

PyType_Slot lease_slots[] = {
    {Py_tp_doc, const_cast<char*>("The ownership of one slot; it returns when this object dies.")},
    {Py_tp_dealloc, reinterpret_cast<void*>(lease_dealloc)},
    {Py_bf_getbuffer, reinterpret_cast<void*>(lease_getbuffer)},
    {0, nullptr},
};
PyType_Spec lease_spec = {"zcbench.capture._core.Lease", sizeof(LeaseObject), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, lease_slots};

// ---- Packet: metadata and a claim on a lease ----

void packet_dealloc(PyObject* self) {
  Py_XDECREF(object(as<PacketObject>(self)->lease));
  g_packets.put(self);
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
  return PyLong_FromUnsignedLong(as<PacketObject>(self)->flags);
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
  constexpr int kDLCPU = 1;  // dlpack.h, DLDeviceType
  return Py_BuildValue("(ii)", kDLCPU, 0);
}

// Pickling and copying take the data along: a lease belongs to this process and to one owner.
PyObject* packet_reduce(PyObject* self, PyObject*) {
  if (g_types.detach == nullptr) {
    PyObject* module = PyImport_ImportModule("zcbench.capture.detached");
    if (module == nullptr) return nullptr;
    g_types.detach = PyObject_GetAttrString(module, "DetachedPacket");
    Py_DECREF(module);
    if (g_types.detach == nullptr) return nullptr;
  }
  PyObject* array = packet_array(self, nullptr);
  if (array == nullptr) return nullptr;
  PyObject* copy = PyObject_CallMethod(array, "copy", nullptr);
  Py_DECREF(array);
  if (copy == nullptr) return nullptr;
  PyObject* checksum = packet_checksum(self, nullptr);
  if (checksum == nullptr) {
    Py_DECREF(copy);
    return nullptr;
  }
  auto* packet = as<PacketObject>(self);
  return Py_BuildValue("O(KKINN)", g_types.detach, static_cast<unsigned long long>(packet->sequence),
                       static_cast<unsigned long long>(packet->time_ns), packet->flags, checksum, copy);
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
    {"flags", packet_flags, nullptr, "a PacketFlags value", nullptr},
    {"checksum", packet_checksum, nullptr, "CRC-32 taken by the producer, or None", nullptr},
    {"array", packet_array, nullptr,
     "the samples, shape (frames, channels), no copy; keeps the slot by itself", nullptr},
    {"released", packet_released, nullptr, "whether release() was called", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMethodDef packet_methods[] = {
    {"release", packet_release, METH_NOARGS, "Give up the packet's own claim; arrays keep theirs."},
    {"__enter__", packet_enter, METH_NOARGS, nullptr},
    {"__exit__", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(packet_exit)), METH_FASTCALL,
     nullptr},
    {"__dlpack__", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(packet_dlpack)),
     METH_VARARGS | METH_KEYWORDS, nullptr},
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

// Takes over `slot`; gives it back when the objects cannot be made.
PyObject* make_packet(Stream* stream, zc::Slot* slot) {
  auto* lease = g_leases.take(g_types.lease);
  if (lease == nullptr) {
    stream->capture->release(slot);
    return nullptr;
  }
  lease->stream = stream;
  lease->slot = slot;
  ++stream->references;
  auto* packet = g_packets.take(g_types.packet);
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

// ---- Engine ----

void engine_dealloc(PyObject* self) {
  auto* engine = as<EngineObject>(self);
  if (engine->stream != nullptr && !engine->stream->in_forked_child()) {
    Stream* stream = engine->stream;
    // Neither thread needs the GIL, but one may be copying a large packet, the other making a large segment.
    Py_BEGIN_ALLOW_THREADS if (stream->replay.has_value()) stream->replay->stop();
    if (stream->keeper.has_value()) stream->keeper->stop();
    Py_END_ALLOW_THREADS if (stream->capture.has_value()) stream->capture->discard_queue();
    stream->drop();
  }
  PyTypeObject* type = Py_TYPE(self);
  PyObject_Free(self);
  Py_DECREF(type);
}

// The engine's stream; null, and RuntimeError, in a forked child.
Stream* own_stream(PyObject* self) {
  Stream* stream = as<EngineObject>(self)->stream;
  if (!stream->in_forked_child()) return stream;
  PyErr_SetString(PyExc_RuntimeError,
                  "the engine belongs to the process that this one was forked from; make one here, or start "
                  "this process anew (multiprocessing's \"spawn\")");
  return nullptr;
}

bool translate_exceptions(auto&& body) {
  try {
    body();
    return true;
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::system_error& error) {
    PyObject* arguments = Py_BuildValue("(is)", error.code().value(), error.what());
    if (arguments != nullptr) PyErr_SetObject(PyExc_OSError, arguments);
    Py_XDECREF(arguments);
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
  }
  return false;
}

PyObject* engine_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"page",     "pcm",      "rate",  "frames", "channels", "typecode",
                                "slots",    "policy",   "queue", "debug",  "checksum", "pace",
                                "speed",    "limit",    "lock",  "least",  "most",     "shrink_after_ns",
                                "priority", "in_place", nullptr};
  PyObject* page = nullptr;
  PyObject* pcm = nullptr;
  double rate = 0;
  Py_ssize_t frames = 0;
  Py_ssize_t channels = 0;
  const char* typecode = nullptr;
  Py_ssize_t slots = 0;
  int policy = 0;
  Py_ssize_t queue = 0;
  int debug = 0;
  int checksum = 0;
  int pace = 0;
  double speed = 1;
  unsigned long long limit = 0;
  int lock = 0;
  Py_ssize_t least = 0;
  Py_ssize_t most = 0;
  unsigned long long shrink_after_ns = 0;
  int priority = 0;
  int in_place = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOdnnsninppidKpnnKip", const_cast<char**>(names), &page,
                                   &pcm, &rate, &frames, &channels, &typecode, &slots, &policy, &queue,
                                   &debug, &checksum, &pace, &speed, &limit, &lock, &least, &most,
                                   &shrink_after_ns, &priority, &in_place)) {
    return nullptr;
  }
  int numpy_type = 0;
  Py_ssize_t item_bytes = 0;
  switch (typecode[0]) {
    case 'f':
      numpy_type = NPY_FLOAT32;
      item_bytes = 4;
      break;
    case 'i':
      numpy_type = NPY_INT32;
      item_bytes = 4;
      break;
    case 'h':
      numpy_type = NPY_INT16;
      item_bytes = 2;
      break;
    default: PyErr_Format(PyExc_ValueError, "typecode %s is not f, i or h", typecode); return nullptr;
  }
  if (frames < 1 || channels < 1 || slots < 1 || queue < 1 || !(rate > 0) || !(speed > 0) || policy < 0 ||
      policy > 3 || pace < 0 || pace > 2 || least < 1 || most < slots || least > slots) {
    PyErr_SetString(PyExc_ValueError, "rate, frames, channels, slots, queue and speed must be positive");
    return nullptr;
  }

  auto* engine = PyObject_New(EngineObject, type);
  if (engine == nullptr) return nullptr;
  auto* stream = new (std::nothrow) Stream();
  engine->stream = stream;
  engine->started = false;
  if (stream == nullptr) {
    Py_DECREF(object(engine));
    return PyErr_NoMemory();
  }
  stream->shape[0] = frames;
  stream->shape[1] = channels;
  stream->strides[0] = channels * item_bytes;
  stream->strides[1] = item_bytes;
  stream->format[0] = typecode[0];
  stream->descr = PyArray_DescrFromType(numpy_type);
  if (PyObject_GetBuffer(page, &stream->page, PyBUF_WRITABLE) < 0 ||
      (pcm != Py_None && PyObject_GetBuffer(pcm, &stream->pcm, PyBUF_C_CONTIGUOUS) < 0)) {
    Py_DECREF(object(engine));
    return nullptr;
  }
  const bool made = translate_exceptions([&] {
    zc::StreamConfig config;
    config.rate = rate;
    config.frames = static_cast<std::size_t>(frames);
    config.frame_bytes = static_cast<std::size_t>(stream->strides[0]);
    config.queue = static_cast<std::size_t>(queue);
    config.checksum = checksum != 0;
    config.priority = priority;
    config.pool = {static_cast<std::size_t>(slots),
                   config.frames * config.frame_bytes,
                   static_cast<zc::Policy>(policy),
                   debug != 0,
                   lock != 0,
                   {static_cast<std::size_t>(least), static_cast<std::size_t>(most), shrink_after_ns}};
    const zc::Scoreboard board(
        {static_cast<std::byte*>(stream->page.buf), static_cast<std::size_t>(stream->page.len)});
    stream->capture.emplace(config, board);
    // With manual pace the caller makes every step, this one too.
    if (config.pool.policy == zc::Policy::adaptive && (pcm == Py_None || pace != 2)) {
      stream->keeper.emplace(*stream->capture);
    }
    if (pcm == Py_None) {
      stream->device.emplace(*stream->capture);
      return;
    }
    const auto bytes = static_cast<std::size_t>(stream->pcm.len);
    if (bytes == 0 || bytes % config.frame_bytes != 0) {
      throw std::invalid_argument("pcm must hold whole frames, at least one");
    }
    stream->replay.emplace(*stream->capture,
                           zc::ReplayConfig{{static_cast<const std::byte*>(stream->pcm.buf), bytes},
                                            static_cast<zc::Pace>(pace),
                                            speed,
                                            limit,
                                            in_place != 0});
  });
  if (!made) {
    Py_DECREF(object(engine));
    return nullptr;
  }
  return object(engine);
}

// Ends the stream, whoever produces it. Without the GIL.
void stop(Stream& stream) noexcept {
  stream.capture->request_stop();
  if (stream.replay.has_value()) stream.replay->stop();
  if (stream.device.has_value()) stream.device->stop();
  if (stream.keeper.has_value()) stream.keeper->stop();
}

PyObject* engine_start(PyObject* self, PyObject*) {
  auto* engine = as<EngineObject>(self);
  Stream* stream = own_stream(self);
  if (stream == nullptr) return nullptr;
  if (engine->started) {
    PyErr_SetString(PyExc_RuntimeError, "the engine was started before; make a new one");
    return nullptr;
  }
  engine->started = true;
  const bool started = translate_exceptions([&] {
    if (stream->keeper.has_value()) stream->keeper->start();
    if (stream->replay.has_value()) {
      stream->replay->start();
    } else {
      stream->capture->set_start(zc::now_ns());  // the first callback sets it exactly
    }
  });
  if (!started) {
    Py_BEGIN_ALLOW_THREADS stop(*stream);  // or a reader would wait for ever
    Py_END_ALLOW_THREADS return nullptr;
  }
  Py_RETURN_NONE;
}

PyObject* engine_produce(PyObject* self, PyObject* packets) {
  auto* engine = as<EngineObject>(self);
  const unsigned long long wanted = PyLong_AsUnsignedLongLong(packets);
  if (PyErr_Occurred() != nullptr) return nullptr;
  Stream* stream = own_stream(self);
  if (stream == nullptr) return nullptr;
  if (!stream->replay.has_value() || !engine->started) {
    PyErr_SetString(PyExc_RuntimeError, "produce() needs a started engine");
    return nullptr;
  }
  return PyLong_FromUnsignedLongLong(stream->replay->produce(wanted));
}

// Takes at least one packet into `into`, waiting up to `timeout` seconds (None: for ever), and sets `count`:
// 0 when the stream has ended. Waits without the GIL, in slices, so that Ctrl-C is seen while nothing comes.
// False: an exception is set.
bool take(Stream* stream, PyObject* timeout, std::span<zc::Slot*> into, std::size_t& count) {
  constexpr std::uint64_t kSlice = 100'000'000;  // ns
  zc::Capture& capture = *stream->capture;
  if ((count = capture.try_read(into)) > 0) return true;

  std::uint64_t deadline = UINT64_MAX;
  if (timeout != Py_None) {
    const double seconds = PyFloat_AsDouble(timeout);
    if (PyErr_Occurred() != nullptr) return false;
    if (!(seconds >= 0)) {
      PyErr_SetString(PyExc_ValueError, "timeout must be at least 0 seconds, or None");
      return false;
    }
    if (seconds < 1e9) deadline = zc::now_ns() + static_cast<std::uint64_t>(seconds * 1e9);
  }
  for (;;) {
    if ((count = capture.try_read(into)) > 0 || capture.drained()) return true;
    const std::uint64_t now = zc::now_ns();
    if (now >= deadline) {
      PyErr_SetString(PyExc_TimeoutError, "no packet within the timeout");
      return false;
    }
    const std::uint64_t slice = std::min(kSlice, deadline - now);
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

PyObject* engine_read(PyObject* self, PyObject* const* given, Py_ssize_t positional, PyObject* keywords) {
  std::array<PyObject*, 1> found{Py_None};
  if (!parse("read", {"timeout"}, given, positional, keywords, found)) return nullptr;
  const auto [timeout] = found;
  Stream* stream = own_stream(self);
  if (stream == nullptr) return nullptr;
  zc::Slot* slot = nullptr;
  std::size_t count = 0;
  if (!take(stream, timeout, {&slot, 1}, count)) return nullptr;
  if (count == 0) Py_RETURN_NONE;
  return make_packet(stream, slot);
}

PyObject* engine_read_many(PyObject* self, PyObject* const* given, Py_ssize_t positional,
                           PyObject* keywords) {
  std::array<PyObject*, 2> found{nullptr, Py_None};
  if (!parse("read_many", {"packets", "timeout"}, given, positional, keywords, found)) return nullptr;
  const auto [packets_wanted, timeout] = found;
  if (packets_wanted == nullptr) {
    PyErr_SetString(PyExc_TypeError, "read_many() misses its argument 'packets'");
    return nullptr;
  }
  const Py_ssize_t most = PyNumber_AsSsize_t(packets_wanted, PyExc_OverflowError);
  if (most == -1 && PyErr_Occurred() != nullptr) return nullptr;
  if (most < 1) {
    PyErr_SetString(PyExc_ValueError, "packets must be at least 1");
    return nullptr;
  }
  Stream* stream = own_stream(self);
  if (stream == nullptr) return nullptr;
  PyObject* packets = PyList_New(0);
  if (packets == nullptr) return nullptr;
  std::array<zc::Slot*, kBatch> batch{};
  auto wanted = static_cast<std::size_t>(most);
  std::size_t count = 0;
  if (!take(stream, timeout, std::span(batch).first(std::min(wanted, kBatch)), count)) {
    Py_DECREF(packets);
    return nullptr;
  }
  // What came meanwhile is taken too, but nothing more is waited for.
  while (count > 0) {
    bool failed = false;
    for (zc::Slot* slot : std::span(batch).first(count)) {
      if (failed) {
        stream->capture->release(slot);
        continue;
      }
      PyObject* packet = make_packet(stream, slot);
      failed = packet == nullptr || PyList_Append(packets, packet) < 0;
      Py_XDECREF(packet);
    }
    if (failed) {
      Py_DECREF(packets);
      return nullptr;
    }
    wanted -= count;
    count = wanted == 0 ? 0 : stream->capture->try_read(std::span(batch).first(std::min(wanted, kBatch)));
  }
  return packets;
}

PyObject* engine_stop(PyObject* self, PyObject*) {
  Stream* stream = as<EngineObject>(self)->stream;
  if (stream->in_forked_child()) Py_RETURN_NONE;
  Py_BEGIN_ALLOW_THREADS stop(*stream);
  Py_END_ALLOW_THREADS Py_RETURN_NONE;
}

// Nothing more is captured; the caller then closes the device, and only after that calls stop().
PyObject* engine_request_stop(PyObject* self, PyObject*) {
  Stream* stream = as<EngineObject>(self)->stream;
  if (!stream->in_forked_child()) stream->capture->request_stop();
  Py_RETURN_NONE;
}

PyObject* engine_discard(PyObject* self, PyObject*) {
  Stream* stream = as<EngineObject>(self)->stream;
  if (!stream->in_forked_child()) stream->capture->discard_queue();
  Py_RETURN_NONE;
}

PyObject* engine_maintain(PyObject* self, PyObject*) {
  Stream* stream = own_stream(self);
  if (stream == nullptr) return nullptr;
  Py_BEGIN_ALLOW_THREADS stream->capture->maintain();
  Py_END_ALLOW_THREADS Py_RETURN_NONE;
}

PyObject* engine_oldest_lease_ns(PyObject* self, PyObject*) {
  Stream* stream = own_stream(self);
  if (stream == nullptr) return nullptr;
  return PyLong_FromUnsignedLongLong(stream->capture->pool().oldest_lease_ns(zc::now_ns()));
}

PyObject* engine_check(PyObject* self, PyObject*) {
  Stream* stream = own_stream(self);
  if (stream == nullptr) return nullptr;
  return PyLong_FromUnsignedLongLong(stream->capture->pool().check());
}

PyObject* engine_user_data(PyObject* self, PyObject*) {
  Stream* stream = as<EngineObject>(self)->stream;
  if (!stream->device.has_value()) {
    PyErr_SetString(PyExc_RuntimeError, "a replay engine has no PortAudio callback");
    return nullptr;
  }
  return PyLong_FromVoidPtr(&*stream->device);
}

PyObject* engine_is_a_copy(PyObject* self, PyObject*) {
  return PyBool_FromLong(as<EngineObject>(self)->stream->in_forked_child());
}

PyMethodDef engine_methods[] = {
    {"start", engine_start, METH_NOARGS, nullptr},
    {"produce", engine_produce, METH_O, nullptr},
    {"read", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(engine_read)),
     METH_FASTCALL | METH_KEYWORDS, "The next packet; None at the end of the stream; TimeoutError."},
    {"read_many", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(engine_read_many)),
     METH_FASTCALL | METH_KEYWORDS,
     "The next packets, a list; empty at the end of the stream; TimeoutError."},
    {"stop", engine_stop, METH_NOARGS, nullptr},
    {"request_stop", engine_request_stop, METH_NOARGS, nullptr},
    {"discard", engine_discard, METH_NOARGS, "Drop what is queued; after stop()."},
    {"maintain", engine_maintain, METH_NOARGS, "One step of an adaptive pool's maintenance."},
    {"oldest_lease_ns", engine_oldest_lease_ns, METH_NOARGS, nullptr},
    {"check", engine_check, METH_NOARGS, nullptr},
    {"in_forked_child", engine_is_a_copy, METH_NOARGS,
     "Whether this process was forked after the engine was made."},
    {"user_data", engine_user_data, METH_NOARGS, "Address for PortAudio's userData."},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot engine_slots[] = {
    {Py_tp_doc, const_cast<char*>("The native stream; see zcbench.capture.native.NativeEngine.")},
    {Py_tp_new, reinterpret_cast<void*>(engine_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(engine_dealloc)},
    {Py_tp_methods, engine_methods},
    {0, nullptr},
};
PyType_Spec engine_spec = {"zcbench.capture._core.Engine", sizeof(EngineObject), 0, Py_TPFLAGS_DEFAULT,
                           engine_slots};

PyObject* module_try_lock_memory(PyObject*, PyObject* bytes) {
  const std::size_t wanted = PyLong_AsSize_t(bytes);
  if (PyErr_Occurred() != nullptr) return nullptr;
  int error = 0;
  Py_BEGIN_ALLOW_THREADS error = zc::try_lock_memory(wanted);
  Py_END_ALLOW_THREADS return PyLong_FromLong(error);
}

PyObject* module_try_schedule(PyObject*, PyObject* priority) {
  const long wanted = PyLong_AsLong(priority);
  if (PyErr_Occurred() != nullptr) return nullptr;
  int error = 0;
  if (!translate_exceptions([&] { error = zc::try_schedule(static_cast<int>(wanted)); })) return nullptr;
  return PyLong_FromLong(error);
}

PyMethodDef module_methods[] = {
    {"try_lock_memory", module_try_lock_memory, METH_O,
     "Whether so many bytes may be locked in memory: 0, or the error number."},
    {"try_schedule", module_try_schedule, METH_O,
     "Whether a thread may have the real-time priority: 0, or the error number."},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef module_definition = {PyModuleDef_HEAD_INIT,
                                 "_core",
                                 "The native capture engine.",
                                 -1,
                                 module_methods,
                                 nullptr,
                                 nullptr,
                                 nullptr,
                                 nullptr};

bool add_type(PyObject* module, const char* name, PyType_Spec& spec, PyTypeObject*& type) {
  type = as<PyTypeObject>(PyType_FromSpec(&spec));
  return type != nullptr && PyModule_AddObjectRef(module, name, object(type)) == 0;
}

}  // namespace

PyMODINIT_FUNC PyInit__core() {
  import_array();
  zc::Forks::watch();
  PyObject* module = PyModule_Create(&module_definition);
  if (module == nullptr) return nullptr;
  PyObject* callback = PyLong_FromVoidPtr(reinterpret_cast<void*>(&zc_portaudio_callback));
  const bool filled = callback != nullptr &&
                      PyModule_AddObjectRef(module, "PORTAUDIO_CALLBACK", callback) == 0 &&
                      add_type(module, "Engine", engine_spec, g_types.engine) &&
                      add_type(module, "Packet", packet_spec, g_types.packet) &&
                      add_type(module, "Lease", lease_spec, g_types.lease);
  Py_XDECREF(callback);
  if (!filled) {
    Py_DECREF(module);
    return nullptr;
  }
  return module;
}
