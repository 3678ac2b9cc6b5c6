// The Python module: its types and the two questions of the operating system that realtime.py asks.
#define ZCBENCH_IMPORTS_NUMPY
#include <new>
#include <stdexcept>
#include <system_error>

#include "engine.hpp"
#include "packet.hpp"
#include "realtime.hpp"

namespace zc::python {

void set_exception_from_current() noexcept {
  try {
    throw;
  } catch (const PythonError&) {
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::system_error& error) {
    PyObject* arguments = Py_BuildValue("(is)", error.code().value(), error.what());
    if (arguments != nullptr) PyErr_SetObject(PyExc_OSError, arguments);
    Py_XDECREF(arguments);
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
  }
}

namespace {

// GIL released: it touches as many bytes as it is asked for.
PyObject* module_try_lock_memory(PyObject*, PyObject* bytes) {
  const std::size_t wanted = PyLong_AsSize_t(bytes);
  if (PyErr_Occurred() != nullptr) return nullptr;
  int error = 0;
  {
    const GilRelease released;
    error = try_lock_memory(wanted);
  }
  return PyLong_FromLong(error);
}

PyObject* module_try_schedule(PyObject*, PyObject* priority) {
  const long wanted = PyLong_AsLong(priority);
  if (PyErr_Occurred() != nullptr) return nullptr;
  int error = 0;
  if (!translate_exceptions([&] { error = try_schedule(static_cast<int>(wanted)); })) return nullptr;
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

}  // namespace

}  // namespace zc::python

PyMODINIT_FUNC PyInit__core() {
  using namespace zc::python;
  import_array();
  zc::Forks::watch();
  PyObject* module = PyModule_Create(&module_definition);
  if (module == nullptr) return nullptr;
  PyObject* callback = PyLong_FromVoidPtr(reinterpret_cast<void*>(&zc_portaudio_callback));
  const bool filled =
      callback != nullptr && PyModule_AddObjectRef(module, "PORTAUDIO_CALLBACK", callback) == 0 &&
      add_engine_type(module) && add_reader_type(module) && add_packet_type(module) && add_lease_type(module);
  Py_XDECREF(callback);
  if (filled) return module;
  Py_DECREF(module);
  return nullptr;
}
