// Engine: the native stream, made and started and stopped; and Reader, the type that an engine's Python class
// inherits read() and read_many() from.
#pragma once

#include "lease.hpp"

namespace zc::python {

struct EngineObject {
  PyObject_HEAD Stream* stream;
  bool started;
};

// The engine's stream; null, and RuntimeError, in a forked child.
Stream* own_stream(EngineObject* engine);

bool add_engine_type(PyObject* module);
// After the engine's.
bool add_reader_type(PyObject* module);
PyTypeObject* engine_type() noexcept;

}  // namespace zc::python
