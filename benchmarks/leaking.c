/* A Python extension for benchmarks/pytest_leaks.py: one function forgets a reference, its twin does not. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* A bytes object of 100 bytes of data, of which one reference too many is held. */
static PyObject* forget(PyObject* module, PyObject* arguments) {
  (void)module;
  (void)arguments;
  PyObject* packet = PyBytes_FromStringAndSize(NULL, 100);
  Py_XINCREF(packet);
  return packet;
}

static PyObject* keep_count(PyObject* module, PyObject* arguments) {
  (void)module;
  (void)arguments;
  return PyBytes_FromStringAndSize(NULL, 100);
}

static PyMethodDef METHODS[] = {
    {"forget", forget, METH_NOARGS, "Leak a bytes object."},
    {"keep_count", keep_count, METH_NOARGS, "Give a bytes object."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "leaking",
    .m_size = -1,
    .m_methods = METHODS,
};

PyMODINIT_FUNC PyInit_leaking(void) { return PyModule_Create(&MODULE); }
