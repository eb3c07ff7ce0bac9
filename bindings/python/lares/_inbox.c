/* _inbox.c - a program's own subscription, without a call by CFFI per event.
 *
 * Design notes. Events are fetched up to 64 at a time and wait in a list. A
 * fetch tries with the GIL held, as in _ticket.c, and lets it go to wait. While
 * a thread waits in the core it counts as a user of the inbox, so that close()
 * in another thread leaves the ticket to the last of them.
 */
#include "_trampoline.h"

enum {
    SLICE_MS = 100,       /* how often a passive wait looks up for Ctrl-C */
    DRAIN_FETCHES = 16384 /* of up to 64 events: more than any inbox holds */
};

struct py_inbox {
    PyObject_HEAD
    lares_inbox *inbox; /* NULL: closed, or not owned yet */
    PyObject *ready;    /* list of events that were fetched and not read */
    Py_ssize_t read;    /* how many of them are */
    int users;          /* threads inside the core with `inbox` */
    int closing;        /* the last user frees it */
};

static PyObject *inbox_own(PyObject *object, PyObject *address)
{
    struct py_inbox *self = (struct py_inbox *)object;

    self->ready = PyList_New(0);
    if (self->ready == NULL)
        return NULL;
    self->inbox = PyLong_AsVoidPtr(address);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

static void inbox_free(struct py_inbox *self)
{
    lares_inbox *inbox = self->inbox;
    struct lares__py_pause pause;

    self->inbox = NULL;
    lares__py_pause(&pause);
    lares_inbox_free(inbox);
    lares__py_resume(&pause);
}

static void inbox_dealloc(PyObject *object)
{
    struct py_inbox *self = (struct py_inbox *)object;

    inbox_free(self);
    Py_CLEAR(self->ready);
    Py_TYPE(object)->tp_free(object);
}

static PyObject *inbox_close(PyObject *object, PyObject *unused)
{
    struct py_inbox *self = (struct py_inbox *)object;

    (void)unused;
    self->closing = 1;
    if (self->users == 0)
        inbox_free(self);
    Py_RETURN_NONE;
}

static lares_status inbox_wait(struct py_inbox *self, int64_t timeout_ms,
                               lares_events **out)
{
    lares_status status;

    self->users++;
    Py_BEGIN_ALLOW_THREADS
    status = lares_inbox_next(self->inbox, timeout_ms, out);
    Py_END_ALLOW_THREADS
    if (--self->users == 0 && self->closing)
        inbox_free(self);
    return status;
}

/* Fetch what is there, looking up every slice: a passive wait. An exception
 * that is set when it fails is that of a signal handler. */
static lares_status inbox_fetch(struct py_inbox *self, int64_t timeout_ms,
                                lares_events **out)
{
    lares_status status = LARES_ETIMEDOUT;
    int64_t slice;

    if (!self->closing)
        status = lares_inbox_next(self->inbox, 0, out);
    while (status == LARES_ETIMEDOUT && timeout_ms != 0 && !self->closing) {
        slice = timeout_ms < 0 || timeout_ms > SLICE_MS ? SLICE_MS : timeout_ms;
        status = inbox_wait(self, slice, out);
        if (timeout_ms > 0)
            timeout_ms -= slice;
        if (status < 0 && PyErr_CheckSignals() < 0)
            return status;
    }
    return status == LARES_ETIMEDOUT && self->closing ? LARES_ECLOSED : status;
}

static PyObject *closed_raise(void)
{
    lares__py_raise_detail(LARES_ECLOSED, "this inbox was closed");
    return NULL;
}

/* Append what can be had within the timeout to `ready`. */
static lares_status inbox_fill(struct py_inbox *self, int64_t timeout_ms)
{
    lares_events *events = NULL;
    lares_status status = inbox_fetch(self, timeout_ms, &events);

    if (status == LARES_OK && lares__py_events_append(self->ready, events) < 0)
        return LARES_ENOMEM;
    return status;
}

/* Take the next event that was fetched; NULL without an exception: none. */
static PyObject *inbox_take(struct py_inbox *self)
{
    PyObject *event;

    if (self->ready == NULL || self->read >= PyList_GET_SIZE(self->ready))
        return NULL;
    event = PyList_GET_ITEM(self->ready, self->read);
    Py_INCREF(Py_None);
    PyList_SET_ITEM(self->ready, self->read, Py_None); /* moved to the caller */
    if (++self->read == PyList_GET_SIZE(self->ready)) {
        self->read = 0;
        (void)PyList_SetSlice(self->ready, 0, PY_SSIZE_T_MAX, NULL);
    }
    return event;
}

/* Take an event, waiting for one. On failure *status says why, and no
 * exception is set unless a signal handler raised. */
static PyObject *inbox_get(struct py_inbox *self, int64_t timeout_ms,
                           lares_status *status)
{
    PyObject *event = inbox_take(self);

    *status = LARES_OK;
    while (event == NULL && *status == LARES_OK) {
        *status =
            self->ready == NULL ? LARES_ECLOSED : inbox_fill(self, timeout_ms);
        if (*status == LARES_OK)
            event = inbox_take(self);
    }
    return event;
}

static PyObject *inbox_next(PyObject *object, PyObject *const *args,
                            Py_ssize_t count, PyObject *names)
{
    static const struct lares__py_signature signature = {
        "next", {"timeout"}, 0};
    struct py_inbox *self = (struct py_inbox *)object;
    PyObject *values[1] = {NULL};
    int64_t timeout_ms = -1;
    PyObject *event;
    lares_status status;

    if (lares__py_arguments(&signature, args, count, names, values) < 0 ||
        lares__py_timeout_get(values[0], &timeout_ms) < 0)
        return NULL;
    event = inbox_get(self, timeout_ms, &status);
    if (event == NULL && !PyErr_Occurred()) {
        if (self->closing)
            return closed_raise();
        if (status == LARES_ETIMEDOUT)
            lares__py_raise_detail(status, "no event came");
        else
            lares__py_raise(status);
    }
    return event;
}

static PyObject *inbox_iternext(PyObject *object)
{
    lares_status status;
    PyObject *event = inbox_get((struct py_inbox *)object, -1, &status);

    if (event == NULL && !PyErr_Occurred() && status != LARES_ECLOSED)
        lares__py_raise(status);
    return event; /* NULL alone ends the loop: all is read, or it was closed */
}

static PyObject *inbox_drain(PyObject *object, PyObject *unused)
{
    struct py_inbox *self = (struct py_inbox *)object;
    lares_status status = LARES_OK;
    PyObject *events;

    (void)unused;
    if (self->ready == NULL || self->closing)
        return closed_raise();
    for (int i = 0; status == LARES_OK && i < DRAIN_FETCHES; i++)
        status = inbox_fill(self, 0);
    if (PyErr_Occurred())
        return NULL;
    if (status < 0 && status != LARES_ETIMEDOUT && status != LARES_ECLOSED) {
        lares__py_raise(status);
        return NULL;
    }
    events = PyList_GetSlice(self->ready, self->read, PY_SSIZE_T_MAX);
    if (events != NULL) {
        self->read = 0;
        (void)PyList_SetSlice(self->ready, 0, PY_SSIZE_T_MAX, NULL);
    }
    return events;
}

static PyMethodDef inbox_methods[] = {
    {.ml_name = "_own", .ml_meth = inbox_own, .ml_flags = METH_O},
    {.ml_name = "next",
     .ml_meth = LARES__PY_FAST(inbox_next),
     .ml_flags = METH_FASTCALL | METH_KEYWORDS,
     .ml_doc = PyDoc_STR(
         "next($self, /, timeout=None)\n--\n\n"
         "Return the next event, waiting for it.\n\n"
         "timeout: seconds; 0 tries, None waits for ever. Ctrl-C ends the\n"
         "wait within 100 ms.\n\n"
         "Raises Timeout if nothing came, Closed when the node has stopped\n"
         "and all is read, Deadlock inside a callback, where it would wait.")},
    {.ml_name = "drain",
     .ml_meth = inbox_drain,
     .ml_flags = METH_NOARGS,
     .ml_doc =
         PyDoc_STR("drain($self, /)\n--\n\n"
                   "Return what is there, a list of Event, without waiting.\n\n"
                   "Raises Closed after close().")},
    {.ml_name = "close",
     .ml_meth = inbox_close,
     .ml_flags = METH_NOARGS,
     .ml_doc =
         PyDoc_STR("close($self, /)\n--\n\n"
                   "End the subscription; a second time has no effect.\n\n"
                   "A thread that waits for an event here gets Closed.")},
    {0},
};

PyTypeObject lares__py_inbox_type = {
    .ob_base = {PyObject_HEAD_INIT(NULL) 0},
    .tp_name = "lares._native.InboxBase",
    .tp_basicsize = sizeof(struct py_inbox),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_dealloc = inbox_dealloc,
    .tp_methods = inbox_methods,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = inbox_iternext,
};
