#include "settings.hpp"

#include <cmath>
#include <limits>
#include <string>

namespace zc::python {

namespace {

// Each in the order of its enum.
constexpr std::array<std::string_view, 4> kPolicies{"grow", "drop", "block", "adaptive"};
static_assert(static_cast<int>(Policy::adaptive) == 3);
constexpr std::array<std::string_view, 3> kPaces{"real", "unpaced", "manual"};
static_assert(static_cast<int>(Pace::manual) == 2);

constexpr std::array<std::string_view, 3> kDtypes{"float32", "int32", "int16"};
constexpr SampleType kSamples[] = {{NPY_FLOAT32, 'f', 4}, {NPY_INT32, 'i', 4}, {NPY_INT16, 'h', 2}};

// No product of these passes 2^63: a packet is as large as the pool can make it, or MemoryError.
constexpr std::uint64_t kMaximumFrames = 1U << 30U;
constexpr std::uint64_t kMaximumChannels = 1U << 16U;
constexpr std::uint64_t kMaximumSlots = 1U << 30U;
// Rounded up to a power of two.
constexpr std::uint64_t kMaximumQueue = 1U << 30U;
constexpr std::uint64_t kNoMaximum = std::numeric_limits<std::int64_t>::max();
// SCHED_FIFO's (sched(7)); 0 leaves the thread as it is.
constexpr std::uint64_t kMaximumPriority = 99;

[[noreturn]] void fail(PyObject* exception, const std::string& message) {
  PyErr_SetString(exception, message.c_str());
  throw PythonError();
}

// "slots: 0", for the beginning of a message.
std::string shown(const char* name, PyObject* value) {
  PyObject* repr = PyObject_Repr(value);
  const char* text = repr == nullptr ? nullptr : PyUnicode_AsUTF8AndSize(repr, nullptr);
  PyErr_Clear();
  std::string made = std::string(name) + ": " + (text == nullptr ? "a value without a repr" : text);
  Py_XDECREF(repr);
  return made;
}

}  // namespace

Keywords::Keywords(PyObject* args, PyObject* kwargs) : kwargs_(kwargs) {
  if (PyTuple_Size(args) > 0) fail(PyExc_TypeError, "Engine() takes keyword arguments only");
}

PyObject* Keywords::any(const char* name) {
  PyObject* value = kwargs_ == nullptr ? nullptr : PyDict_GetItemString(kwargs_, name);
  if (value == nullptr) fail(PyExc_TypeError, std::string("Engine() misses its argument '") + name + "'");
  ++taken_;
  return value;
}

bool Keywords::flag(const char* name) {
  PyObject* value = any(name);
  if (!PyBool_Check(value)) fail(PyExc_TypeError, shown(name, value) + " is not True or False");
  return value == Py_True;
}

std::uint64_t Keywords::integer(const char* name, std::uint64_t minimum, std::uint64_t maximum) {
  PyObject* value = any(name);
  int overflow = 0;
  const long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
  if (number == -1 && PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    fail(PyExc_TypeError, shown(name, value) + " is not an integer");
  }
  if (overflow != 0 || number < 0 || static_cast<std::uint64_t>(number) < minimum ||
      static_cast<std::uint64_t>(number) > maximum) {
    fail(PyExc_ValueError,
         shown(name, value) + " is not in " + std::to_string(minimum) + ".." + std::to_string(maximum));
  }
  return static_cast<std::uint64_t>(number);
}

std::uint64_t Keywords::integer_or_endless(const char* name) {
  if (kwargs_ != nullptr && PyDict_GetItemString(kwargs_, name) == Py_None) {
    ++taken_;
    return UINT64_MAX;
  }
  return integer(name, 0, kNoMaximum);
}

double Keywords::positive(const char* name) {
  PyObject* value = any(name);
  const double number = PyFloat_AsDouble(value);
  if (PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    fail(PyExc_TypeError, shown(name, value) + " is not a number");
  }
  if (!(number > 0) || !std::isfinite(number)) {
    fail(PyExc_ValueError, shown(name, value) + " is not a finite number above 0");
  }
  return number;
}

std::size_t Keywords::one_of(const char* name, const std::string_view* names, std::size_t count) {
  PyObject* value = any(name);
  std::string known;
  for (std::size_t i = 0; i < count; ++i) {
    if (PyUnicode_Check(value) &&
        PyUnicode_CompareWithASCIIString(value, std::string(names[i]).c_str()) == 0) {
      return i;
    }
    known += (i == 0 ? "" : ", ") + std::string(names[i]);
  }
  fail(PyExc_ValueError, shown(name, value) + " is not one of " + known);
}

void Keywords::finish() const {
  const Py_ssize_t given = kwargs_ == nullptr ? 0 : PyDict_Size(kwargs_);
  if (given == taken_) return;
  fail(PyExc_TypeError, "Engine() got " + std::to_string(given - taken_) + " unexpected keyword argument(s)");
}

Settings read_settings(PyObject* args, PyObject* kwargs) {
  Keywords given(args, kwargs);
  Settings made{};
  made.page = given.any("page");
  made.pcm = given.any("pcm");
  made.sample = kSamples[given.one_of("dtype", kDtypes)];
  made.channels = given.integer("channels", 1, kMaximumChannels);

  StreamConfig& stream = made.stream;
  stream.rate = given.positive("rate");
  stream.frames = given.integer("frames", 1, kMaximumFrames);
  stream.frame_bytes = made.channels * made.sample.bytes;
  stream.queue = given.integer("queue", 1, kMaximumQueue);
  stream.checksum = given.flag("checksum");
  stream.priority = static_cast<int>(given.integer("priority", 0, kMaximumPriority));

  PoolConfig& pool = stream.pool;
  pool.slots = given.integer("slots", 1, kMaximumSlots);
  pool.payload_bytes = stream.frames * stream.frame_bytes;
  pool.policy = static_cast<Policy>(given.one_of("policy", kPolicies));
  pool.debug = given.flag("debug");
  pool.lock = given.flag("lock");
  pool.sizing.minimum = given.integer("minimum", 1, pool.slots);
  pool.sizing.maximum = given.integer("maximum", pool.slots, kMaximumSlots);
  pool.sizing.shrink_after_ns = given.integer("shrink_after_ns", 0, kNoMaximum);

  made.replay.pace = static_cast<Pace>(given.one_of("pace", kPaces));
  made.replay.speed = given.positive("speed");
  made.replay.limit = given.integer_or_endless("limit");
  made.replay.in_place = given.flag("in_place");
  made.replay.stamped = given.flag("stamped");
  made.replay.item_bytes = made.sample.bytes;
  given.finish();
  return made;
}

}  // namespace zc::python
