// Lease: the owner of a slot, at the bottom of every array and memoryview over it; and the Stream it keeps.
#pragma once

#include <array>
#include <optional>

#include "capture.hpp"
#include "fork.hpp"
#include "keeper.hpp"
#include "portaudio.hpp"
#include "python.hpp"
#include "replay.hpp"

namespace zc::python {

// Everything a lease needs after its engine is gone: the pool, the page it counts on, the PCM it reads.
// Counted by hand under the GIL; deleted by whoever drops the last reference, engine or lease.
struct Stream {
  Py_ssize_t references = 1;
  const unsigned forks = Forks::count();
  Py_buffer page{};
  Py_buffer pcm{};
  PyArray_Descr* descr = nullptr;
  Py_ssize_t shape[2]{};
  Py_ssize_t strides[2]{};
  char format[2]{};
  std::optional<Capture> capture;
  std::optional<Replay> replay;
  std::optional<DeviceInput> device;
  std::optional<Keeper> keeper;

  // True for a forked child's copy. It only ever reads what its packets held, and is never freed.
  bool in_forked_child() const noexcept { return forks != Forks::count(); }
  // Ends the stream, whoever produces it. GIL released: it joins threads. Any thread; harmless when repeated.
  void stop() noexcept;
  // Gives up one reference. GIL held.
  void drop();
};

struct LeaseObject {
  PyObject_HEAD Stream* stream;
  Slot* slot;
};

// How many packets are taken off the queue at once: a caller that wants more gets them in turns.
inline constexpr std::size_t kBatch = 64;

// The free list of a type: memory of objects that died, for the next ones. With as many packets as a batch
// holds, or fewer, none is asked of Python's allocator. Never longer than that, whatever the application held
// at once. GIL held: it is what guards the list.
template <class T>
class FreeList {
 public:
  // Uninitialised but for its head; null, with an exception, without memory.
  T* take(PyTypeObject* type) {
    if (count_ == 0) return PyObject_New(T, type);
    return as<T>(PyObject_Init(dead_[--count_], type));
  }
  void put(PyObject* dead) {
    PyTypeObject* type = Py_TYPE(dead);
    if (count_ < dead_.size()) {
      dead_[count_++] = dead;
    } else {
      PyObject_Free(dead);
    }
    Py_DECREF(type);
  }

 private:
  std::array<PyObject*, kBatch> dead_{};
  std::size_t count_ = 0;
};

// A lease on `slot`, which it takes over, also on failure: null, with an exception, and the slot is released.
LeaseObject* make_lease(Stream* stream, Slot* slot);
// Fills `view` as bf_getbuffer does. -1, with BufferError, for a layout a packet does not have.
int lease_getbuffer(PyObject* lease, Py_buffer* view, int flags);

bool add_lease_type(PyObject* module);

}  // namespace zc::python
