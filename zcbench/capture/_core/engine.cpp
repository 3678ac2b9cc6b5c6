#include "engine.hpp"

#include <cstddef>
#include <new>
#include <span>
#include <stdexcept>
#include <system_error>

#include "clock.hpp"
#include "settings.hpp"

namespace zc::python {

namespace {

// A single-phase module: one interpreter.
PyTypeObject* g_type = nullptr;

// GIL released while it joins the threads: neither needs the GIL, but one may be copying a large packet, the
// other making a large segment.
void engine_dealloc(PyObject* self) {
  Stream* stream = as<EngineObject>(self)->stream;
  if (stream != nullptr && !stream->in_forked_child()) {
    {
      const GilRelease released;
      if (stream->replay.has_value()) stream->replay->stop();
      if (stream->keeper.has_value()) stream->keeper->stop();
    }
    if (stream->capture.has_value()) stream->capture->discard_queue();
    stream->drop();
  }
  PyTypeObject* type = Py_TYPE(self);
  PyObject_Free(self);
  Py_DECREF(type);
}

// Throws PythonError, std::bad_alloc, or what a pool, a page or a PCM that does not fit throws.
void fill(Stream& stream, const Settings& settings) {
  const StreamConfig& config = settings.stream;
  stream.shape[0] = static_cast<Py_ssize_t>(config.frames);
  stream.shape[1] = static_cast<Py_ssize_t>(settings.channels);
  stream.strides[0] = static_cast<Py_ssize_t>(config.frame_bytes);
  stream.strides[1] = static_cast<Py_ssize_t>(settings.sample.bytes);
  stream.format[0] = settings.sample.code;
  stream.descr = PyArray_DescrFromType(settings.sample.numpy);
  const bool is_replay = settings.pcm != Py_None;
  if (PyObject_GetBuffer(settings.page, &stream.page, PyBUF_WRITABLE) < 0) throw PythonError();
  if (is_replay && PyObject_GetBuffer(settings.pcm, &stream.pcm, PyBUF_C_CONTIGUOUS) < 0) throw PythonError();

  const Scoreboard board(
      {static_cast<std::byte*>(stream.page.buf), static_cast<std::size_t>(stream.page.len)});
  stream.capture.emplace(config, board);
  // With manual pace the caller makes every step, maintenance too.
  const bool manual = is_replay && settings.replay.pace == Pace::manual;
  if (config.pool.policy == Policy::adaptive && !manual) stream.keeper.emplace(*stream.capture);
  if (!is_replay) {
    stream.device.emplace(*stream.capture);
    return;
  }
  const auto bytes = static_cast<std::size_t>(stream.pcm.len);
  if (bytes == 0 || bytes % config.frame_bytes != 0) {
    throw std::invalid_argument("pcm must hold whole frames, at least one");
  }
  ReplayConfig replay = settings.replay;
  replay.pcm = {static_cast<const std::byte*>(stream.pcm.buf), bytes};
  stream.replay.emplace(*stream.capture, replay);
}

PyObject* engine_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  auto* engine = PyObject_New(EngineObject, type);
  if (engine == nullptr) return nullptr;
  engine->stream = nullptr;
  engine->started = false;
  const bool made = translate_exceptions([&] {
    const Settings settings = read_settings(args, kwargs);
    engine->stream = new Stream();
    fill(*engine->stream, settings);
  });
  if (made) return object(engine);
  Py_DECREF(object(engine));
  return nullptr;
}

PyObject* engine_start(PyObject* self, PyObject*) {
  auto* engine = as<EngineObject>(self);
  Stream* stream = own_stream(engine);
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
      stream->capture->set_start(now_ns());  // the first callback sets it exactly
    }
  });
  if (started) Py_RETURN_NONE;
  const GilRelease released;
  stream->stop();  // or a reader would wait for ever
  return nullptr;
}

// The calling thread is the producer; no other may be in it meanwhile, which the GIL, held throughout, sees
// to.
PyObject* engine_produce(PyObject* self, PyObject* packets) {
  auto* engine = as<EngineObject>(self);
  const unsigned long long wanted = PyLong_AsUnsignedLongLong(packets);
  if (PyErr_Occurred() != nullptr) return nullptr;
  Stream* stream = own_stream(engine);
  if (stream == nullptr) return nullptr;
  if (!stream->replay.has_value() || !engine->started) {
    PyErr_SetString(PyExc_RuntimeError, "produce() needs a started engine");
    return nullptr;
  }
  return PyLong_FromUnsignedLongLong(stream->replay->produce(wanted));
}

// Any thread. GIL released while it joins the producer's.
PyObject* engine_stop(PyObject* self, PyObject*) {
  Stream* stream = as<EngineObject>(self)->stream;
  if (stream->in_forked_child()) Py_RETURN_NONE;
  {
    const GilRelease released;
    stream->stop();
  }
  Py_RETURN_NONE;
}

// Any thread. Nothing more is captured; the caller then closes the device, and only after that calls stop().
PyObject* engine_request_stop(PyObject* self, PyObject*) {
  Stream* stream = as<EngineObject>(self)->stream;
  if (!stream->in_forked_child()) stream->capture->request_stop();
  Py_RETURN_NONE;
}

// The reader's thread, after stop().
PyObject* engine_discard(PyObject* self, PyObject*) {
  Stream* stream = as<EngineObject>(self)->stream;
  if (!stream->in_forked_child()) stream->capture->discard_queue();
  Py_RETURN_NONE;
}

// Any thread but the producer's. GIL released: it may allocate and touch a large segment.
PyObject* engine_maintain(PyObject* self, PyObject*) {
  Stream* stream = own_stream(as<EngineObject>(self));
  if (stream == nullptr) return nullptr;
  {
    const GilRelease released;
    stream->capture->maintain();
  }
  Py_RETURN_NONE;
}

PyObject* engine_oldest_lease_ns(PyObject* self, PyObject*) {
  Stream* stream = own_stream(as<EngineObject>(self));
  if (stream == nullptr) return nullptr;
  return PyLong_FromUnsignedLongLong(stream->capture->pool().oldest_lease_ns(now_ns()));
}

PyObject* engine_check(PyObject* self, PyObject*) {
  Stream* stream = own_stream(as<EngineObject>(self));
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

PyObject* engine_in_forked_child(PyObject* self, PyObject*) {
  return PyBool_FromLong(as<EngineObject>(self)->stream->in_forked_child());
}

PyMethodDef engine_methods[] = {
    {"start", engine_start, METH_NOARGS, "Start the producer. Once."},
    {"produce", engine_produce, METH_O, "Pace manual: capture so many packets now; the number captured."},
    {"stop", engine_stop, METH_NOARGS, "Stop the producer and wait for it."},
    {"request_stop", engine_request_stop, METH_NOARGS, "Capture nothing more; waits for nobody."},
    {"discard", engine_discard, METH_NOARGS, "Drop what is queued; after stop()."},
    {"maintain", engine_maintain, METH_NOARGS, "One step of an adaptive pool's maintenance."},
    {"oldest_lease_ns", engine_oldest_lease_ns, METH_NOARGS, "Age of the oldest lease in flight, or 0."},
    {"check", engine_check, METH_NOARGS, "Debug pool: the number of slots found wrong."},
    {"in_forked_child", engine_in_forked_child, METH_NOARGS,
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

}  // namespace

Stream* own_stream(EngineObject* engine) {
  if (!engine->stream->in_forked_child()) return engine->stream;
  PyErr_SetString(PyExc_RuntimeError,
                  "the engine belongs to the process that this one was forked from; make one here, or start "
                  "this process anew (multiprocessing's \"spawn\")");
  return nullptr;
}

PyTypeObject* engine_type() noexcept { return g_type; }

bool add_engine_type(PyObject* module) {
  g_type = as<PyTypeObject>(PyType_FromSpec(&engine_spec));
  return g_type != nullptr && PyModule_AddObjectRef(module, "Engine", object(g_type)) == 0;
}

}  // namespace zc::python
