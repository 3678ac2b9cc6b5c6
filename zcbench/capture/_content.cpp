// Compares packets with what they should hold, for who reads them. Every function runs with the GIL held.

#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API  // the build says it
#define Py_LIMITED_API 0x030B0000
#endif
#include <Python.h>

#include <new>
#include <optional>

#include "_core/content.hpp"

namespace {

struct ContentObject {
  PyObject_HEAD Py_buffer pcm;
  std::optional<zc::Content> content;
};

ContentObject* as_content(PyObject* self) { return reinterpret_cast<ContentObject*>(self); }

PyObject* content_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"pcm", "packet_bytes", "item_bytes", "stamped", nullptr};
  PyObject* pcm = nullptr;
  Py_ssize_t packet_bytes = 0;
  Py_ssize_t item_bytes = 0;
  int stamped = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "Onnp", const_cast<char**>(names), &pcm, &packet_bytes,
                                   &item_bytes, &stamped)) {
    return nullptr;
  }
  if (packet_bytes < 1 || (item_bytes != 1 && item_bytes != 2 && item_bytes != 4)) {
    PyErr_SetString(PyExc_ValueError, "a packet has at least one byte, a sample 1, 2 or 4");
    return nullptr;
  }
  auto* self = PyObject_New(ContentObject, type);
  if (self == nullptr) return nullptr;
  self->pcm = Py_buffer{};
  new (&self->content) std::optional<zc::Content>();
  if (PyObject_GetBuffer(pcm, &self->pcm, PyBUF_C_CONTIGUOUS) < 0) {
    Py_DECREF(reinterpret_cast<PyObject*>(self));
    return nullptr;
  }
  if (self->pcm.len < 1) {
    PyErr_SetString(PyExc_ValueError, "pcm must hold at least one frame");
    Py_DECREF(reinterpret_cast<PyObject*>(self));
    return nullptr;
  }
  self->content.emplace(zc::Content::Config{
      {static_cast<const std::byte*>(self->pcm.buf), static_cast<std::size_t>(self->pcm.len)},
      static_cast<std::size_t>(packet_bytes),
      static_cast<std::size_t>(item_bytes),
      stamped != 0});
  return reinterpret_cast<PyObject*>(self);
}

void content_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  if (as_content(self)->pcm.obj != nullptr) PyBuffer_Release(&as_content(self)->pcm);
  PyObject_Free(self);
  Py_DECREF(type);
}

// Compares, and notes where the bytes lie. False: an exception is set.
bool compare(PyObject* self, PyObject* const* given, Py_ssize_t count, bool& right, void*& place) {
  if (count != 2) {
    PyErr_SetString(PyExc_TypeError, "a packet's array and its sequence number are wanted");
    return false;
  }
  const unsigned long long sequence = PyLong_AsUnsignedLongLongMask(given[1]);
  if (PyErr_Occurred() != nullptr) return false;
  const zc::Content& content = *as_content(self)->content;
  Py_buffer view{};
  if (PyObject_GetBuffer(given[0], &view, PyBUF_SIMPLE) < 0) return false;
  right = static_cast<std::size_t>(view.len) == content.packet_bytes() &&
          content.equals(static_cast<const std::byte*>(view.buf), sequence);
  place = view.buf;
  PyBuffer_Release(&view);
  return true;
}

PyObject* content_matches(PyObject* self, PyObject* const* given, Py_ssize_t count) {
  bool right = false;
  void* place = nullptr;
  if (!compare(self, given, count, right, place)) return nullptr;
  return PyBool_FromLong(right);
}

PyObject* content_place(PyObject* self, PyObject* const* given, Py_ssize_t count) {
  bool right = false;
  void* place = nullptr;
  if (!compare(self, given, count, right, place)) return nullptr;
  return right ? PyLong_FromVoidPtr(place) : PyLong_FromLong(0);
}

PyMethodDef content_methods[] = {
    {"matches", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(content_matches)), METH_FASTCALL,
     "Whether a C-contiguous buffer holds the packet of that number, byte for byte."},
    {"place", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(content_place)), METH_FASTCALL,
     "The address of such a buffer; 0 if it holds anything else."},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot content_slots[] = {
    {Py_tp_doc, const_cast<char*>("What the packets of a replayed source hold.")},
    {Py_tp_new, reinterpret_cast<void*>(content_new)},
    {Py_tp_dealloc, reinterpret_cast<void*>(content_dealloc)},
    {Py_tp_methods, content_methods},
    {0, nullptr},
};
PyType_Spec content_spec = {"zcbench.capture._content.Content", sizeof(ContentObject), 0, Py_TPFLAGS_DEFAULT,
                            content_slots};

PyModuleDef module_definition = {PyModuleDef_HEAD_INIT,
                                 "_content",
                                 "Compares packets with what they should hold.",
                                 -1,
                                 nullptr,
                                 nullptr,
                                 nullptr,
                                 nullptr,
                                 nullptr};

}  // namespace

PyMODINIT_FUNC PyInit__content() {
  PyObject* module = PyModule_Create(&module_definition);
  if (module == nullptr) return nullptr;
  PyObject* type = PyType_FromSpec(&content_spec);
  const bool added = type != nullptr && PyModule_AddObjectRef(module, "Content", type) == 0;
  Py_XDECREF(type);
  if (!added) {
    Py_DECREF(module);
    return nullptr;
  }
  return module;
}
