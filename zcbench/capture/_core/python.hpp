// CPython's limited API (3.11) and NumPy's C API, and what every file of the Python module shares.
//
// Unless a comment says otherwise, a function here and in lease, packet, settings, reader, engine and module
// is called with the GIL held, from any thread that runs Python. The audio callback, the replay driver's
// thread and the keeper's never come here.
#pragma once

#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API  // the build says it
#define Py_LIMITED_API 0x030B0000
#endif
#include <Python.h>

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL zcbench_core_array_api
#ifndef ZCBENCH_IMPORTS_NUMPY  // module.cpp alone does
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

#include <exception>

namespace zc::python {

template <class T>
T* as(PyObject* object) {
  return reinterpret_cast<T*>(object);
}

template <class T>
PyObject* object(T* pointer) {
  return reinterpret_cast<PyObject*>(pointer);
}

// A method of METH_FASTCALL or METH_KEYWORDS, as PyMethodDef wants it.
template <class Function>
PyCFunction method(Function* function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

// Releases the GIL for the rest of its scope, in which nothing of Python may be touched.
class GilRelease {
 public:
  GilRelease() : state_(PyEval_SaveThread()) {}
  ~GilRelease() { PyEval_RestoreThread(state_); }
  GilRelease(const GilRelease&) = delete;
  GilRelease& operator=(const GilRelease&) = delete;

 private:
  PyThreadState* state_;
};

// Thrown where a Python exception is set already.
struct PythonError : std::exception {};

// Sets the Python exception that stands for the C++ one being handled. To be called in a catch block.
void set_exception_from_current() noexcept;

// Runs `body`; false, and a Python exception, when it threw.
bool translate_exceptions(auto&& body) noexcept {
  try {
    body();
    return true;
  } catch (...) {
    set_exception_from_current();
    return false;
  }
}

}  // namespace zc::python
