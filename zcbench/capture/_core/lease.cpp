#include "lease.hpp"

namespace zc::python {

namespace {

// A single-phase module: one interpreter.
PyTypeObject* g_type = nullptr;
FreeList<LeaseObject> g_free_list;

// Any thread that runs Python may drop the last array over a slot: the slot returns here, and only here.
void lease_dealloc(PyObject* self) {
  auto* lease = as<LeaseObject>(self);
  if (!lease->stream->in_forked_child()) {
    lease->stream->capture->release(lease->slot);
    lease->stream->drop();
  }
  g_free_list.put(self);
}

PyType_Slot lease_slots[] = {
    {Py_tp_doc, const_cast<char*>("The ownership of one slot; it returns when this object dies.")},
    {Py_tp_dealloc, reinterpret_cast<void*>(lease_dealloc)},
    {Py_bf_getbuffer, reinterpret_cast<void*>(lease_getbuffer)},
    {0, nullptr},
};
PyType_Spec lease_spec = {"zcbench.capture._core.Lease", sizeof(LeaseObject), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, lease_slots};

}  // namespace

void Stream::stop() noexcept {
  capture->request_stop();
  if (replay.has_value()) replay->stop();
  if (device.has_value()) device->stop();
  if (keeper.has_value()) keeper->stop();
}

void Stream::drop() {
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

LeaseObject* make_lease(Stream* stream, Slot* slot) {
  auto* lease = g_free_list.take(g_type);
  if (lease == nullptr) {
    stream->capture->release(slot);
    return nullptr;
  }
  lease->stream = stream;
  lease->slot = slot;
  ++stream->references;
  return lease;
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

bool add_lease_type(PyObject* module) {
  g_type = as<PyTypeObject>(PyType_FromSpec(&lease_spec));
  return g_type != nullptr && PyModule_AddObjectRef(module, "Lease", object(g_type)) == 0;
}

}  // namespace zc::python
