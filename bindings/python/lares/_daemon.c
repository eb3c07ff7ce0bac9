/* _daemon.c - what authors ask while their code runs: emit, after, cancel. */
#include "_trampoline.h"

/* The core never hears of an answer at the wrong time: it would doom a turn
 * that has nothing to do with it. */
static int turn_check(const struct lares__py_daemon *self, const char *refusal)
{
    if (self->call != NULL && !self->creating &&
        self->thread == PyThread_get_thread_ident())
        return 0;
    lares__py_raise_detail(LARES_EPHASE, refusal);
    return -1;
}

static PyObject *daemon_emit(PyObject *object, PyObject *const *args,
                             Py_ssize_t count, PyObject *names)
{
    static const struct lares__py_signature signature = {
        "emit", {"data", "channel"}, 1};
    struct lares__py_daemon *self = (struct lares__py_daemon *)object;
    PyObject *values[2] = {NULL, NULL};
    const char *channel = NULL;
    struct lares__py_data data;
    lares_status status;

    if (lares__py_arguments(&signature, args, count, names, values) < 0 ||
        turn_check(self, "emit works inside process, on its thread") < 0)
        return NULL;
    if (values[1] != NULL && values[1] != Py_None) {
        channel = lares__py_text_get(values[1], "channel");
        if (channel == NULL)
            return NULL;
    }
    if (lares__py_data_get(values[0], &data) < 0)
        return NULL;
    status = lares_call_emit(self->call, channel, data.data, data.len);
    lares__py_data_drop(&data);
    if (status < 0) {
        lares__py_raise(status);
        return NULL;
    }
    Py_RETURN_NONE;
}

/* -- timers --------------------------------------------------------------- */

/* Read `seconds, every`: a timer that never comes, or always, is a mistake. */
static int times_get(PyObject *seconds, PyObject *every, int64_t *delay_ms,
                     int64_t *period_ms)
{
    if (seconds == Py_None) {
        PyErr_SetString(PyExc_TypeError, "seconds is None, expected a number");
        return -1;
    }
    if (lares__py_timeout_get(seconds, delay_ms) < 0)
        return -1;
    if (every == NULL || every == Py_None)
        return 0;
    if (lares__py_timeout_get(every, period_ms) < 0)
        return -1;
    if (*period_ms > 0)
        return 0;
    lares__py_raise_detail(LARES_ERANGE, "every is None or above 0 seconds");
    return -1;
}

/* Hand a timer over; data NULL is none. */
static PyObject *timer_start(lares_call *call, int64_t delay_ms,
                             int64_t period_ms, PyObject *object)
{
    struct lares__py_data data = {.data = "", .len = 0};
    lares_status status;
    uint64_t id;

    if (object != NULL && lares__py_data_get(object, &data) < 0)
        return NULL;
    status =
        lares_call_timer(call, delay_ms, period_ms, data.data, data.len, &id);
    lares__py_data_drop(&data);
    if (status < 0) {
        lares__py_raise(status);
        return NULL;
    }
    return PyLong_FromUnsignedLongLong(id);
}

static PyObject *daemon_after(PyObject *object, PyObject *const *args,
                              Py_ssize_t count, PyObject *names)
{
    static const struct lares__py_signature signature = {
        "after", {"seconds", "data", "every"}, 1};
    struct lares__py_daemon *self = (struct lares__py_daemon *)object;
    PyObject *values[3] = {NULL, NULL, NULL};
    int64_t delay_ms = 0, period_ms = 0;

    if (lares__py_arguments(&signature, args, count, names, values) < 0)
        return NULL;
    if (self->call == NULL || self->thread != PyThread_get_thread_ident()) {
        lares__py_raise_detail(
            LARES_EPHASE, "after works inside process and __init__, on their "
                          "thread");
        return NULL;
    }
    if (times_get(values[0], values[2], &delay_ms, &period_ms) < 0)
        return NULL;
    return timer_start(self->call, delay_ms, period_ms, values[1]);
}

static PyObject *daemon_cancel(PyObject *object, PyObject *timer)
{
    struct lares__py_daemon *self = (struct lares__py_daemon *)object;
    unsigned long long id = PyLong_AsUnsignedLongLong(timer);
    lares_status status;

    if (PyErr_Occurred() ||
        turn_check(self, "cancel works inside process, on its thread") < 0)
        return NULL;
    status = lares_call_cancel(self->call, id);
    if (status < 0) {
        lares__py_raise(status);
        return NULL;
    }
    Py_RETURN_NONE;
}

/* -- the type ------------------------------------------------------------- */

static PyMethodDef daemon_methods[] = {
    {.ml_name = "emit",
     .ml_meth = LARES__PY_FAST(daemon_emit),
     .ml_flags = METH_FASTCALL | METH_KEYWORDS,
     .ml_doc = PyDoc_STR(
         "emit($self, /, data, channel=None)\n--\n\n"
         "Emit an output of the input in hand, inside process only.\n\n"
         "data: bytes, bytearray or memoryview; at most 16 MiB.\n"
         "channel: str, the channel to publish it on; None: the daemon's own.\n"
         "Outputs are linked and published when the turn has succeeded. One\n"
         "input may emit 1024 outputs and 16 MiB.\n\n"
         "Raises WrongState outside process or on another thread,\n"
         "InvalidArgument (ENAME, ETOOBIG), Denied (a channel that opens with\n"
         "'$'), CallbackError (EQUOTA). After what the core has refused "
         "(ENAME,\n"
         "ETOOBIG, Denied, EQUOTA) the turn fails, even if you catch it.")},
    {.ml_name = "after",
     .ml_meth = LARES__PY_FAST(daemon_after),
     .ml_flags = METH_FASTCALL | METH_KEYWORDS,
     .ml_doc = PyDoc_STR(
         "after($self, /, seconds, data=b'', every=None)\n--\n\n"
         "Start a timer, which comes as an event of this daemon.\n\n"
         "seconds: until then, at least 0.\n"
         "data: bytes, bytearray or memoryview, of the event; at most 4 KiB.\n"
         "every: seconds, above 0, after which it comes again and again; "
         "None:\n"
         "once. Firings that are late are one.\n"
         "Returns its id, an int. The event has origin 0 and that id as its\n"
         "sequence. Works inside process, and __init__ unless a factory made\n"
         "the object; a turn that fails has started none. Timers travel with\n"
         "the image.\n\n"
         "Raises WrongState elsewhere or on another thread, InvalidArgument\n"
         "(ERANGE, ETOOBIG), Full (1024 timers). After ETOOBIG and Full the\n"
         "turn fails, even if you catch it.")},
    {.ml_name = "cancel",
     .ml_meth = daemon_cancel,
     .ml_flags = METH_O,
     .ml_doc = PyDoc_STR(
         "cancel($self, timer, /)\n--\n\n"
         "Cancel a timer by its id, inside process only.\n\n"
         "It does not come any more, also if its time was over. One that is\n"
         "gone is fine. Raises WrongState elsewhere or on another thread.")},
    {0},
};

PyTypeObject lares__py_daemon_type = {
    .ob_base = {PyObject_HEAD_INIT(NULL) 0},
    .tp_name = "lares._native.DaemonBase",
    .tp_basicsize = sizeof(struct lares__py_daemon),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_methods = daemon_methods,
};
