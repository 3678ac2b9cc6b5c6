// What an engine is made of, as Python passes it: by keyword, with the names of enums, each checked by
// itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "capture.hpp"
#include "python.hpp"
#include "replay.hpp"

namespace zc::python {

// The keyword arguments of a call, taken one by one. Every method throws PythonError, after TypeError or
// ValueError that names the keyword, its value and the values allowed.
class Keywords {
 public:
  Keywords(PyObject* args, PyObject* kwargs);

  // Borrowed.
  PyObject* any(const char* name);
  bool flag(const char* name);
  // An integer of minimum..maximum.
  std::uint64_t integer(const char* name, std::uint64_t minimum, std::uint64_t maximum);
  // The same; UINT64_MAX for None.
  std::uint64_t integer_or_endless(const char* name);
  // A finite number above 0.
  double positive(const char* name);
  // The index in `names` of the string given.
  template <std::size_t N>
  std::size_t one_of(const char* name, const std::array<std::string_view, N>& names) {
    return one_of(name, names.data(), N);
  }
  // After the last: a keyword that nobody took is an error.
  void finish() const;

 private:
  std::size_t one_of(const char* name, const std::string_view* names, std::size_t count);

  PyObject* kwargs_;
  Py_ssize_t taken_ = 0;
};

// Of a sample: its names in NumPy and in the buffer protocol (PEP 3118), and its size.
struct SampleType {
  int numpy;
  char code;
  std::size_t bytes;
};

struct Settings {
  SampleType sample;
  std::size_t channels;
  StreamConfig stream;
  // Without its PCM. Of no meaning for a device.
  ReplayConfig replay;
  // Borrowed: the page of counters, and the PCM of a replay or None for a device.
  PyObject* page;
  PyObject* pcm;
};

// Throws PythonError.
Settings read_settings(PyObject* args, PyObject* kwargs);

}  // namespace zc::python
