/* _event.c - lares.Event: immutable, owns its data, valid for ever.
 *
 * Design notes. An input of a daemon lives as long as its turn. Its Event has
 * the payload as bytes of its own, since nearly every process() reads it, but
 * only views the rest of the input; if nobody kept the Event, the same object
 * serves the next input, and if somebody did, the rest is copied before the
 * input goes (lares__py_event_settle). The GIL is held from the end of
 * process() to there, so no thread ever reads a view that has ended.
 */
#include "_trampoline.h"

#include <datetime.h>
#include <stddef.h>
#include <string.h>
#include <structmember.h>
#include <time.h>

enum {
    SPARE_MAX = 64,  /* as many as one inbox hands out at once */
    REPR_BYTES = 48, /* of data, in repr */
    NS_PER_S = 1000000000
};

struct py_event {
    PyObject_HEAD
    const lares_event *view; /* the borrowed input, or &own */
    PyObject *data;          /* bytes; a member, which Python reads fastest */
    PyObject *channel;       /* str or None; NULL: not made yet */
    lares_event own;         /* valid once view points here */
};

static struct py_event *spares[SPARE_MAX];
static int spare_count;
static PyObject *last_channel; /* names repeat: the str made last, */
static const char *last_name;  /* and its text */

static struct py_event *event_alloc(void)
{
    struct py_event *self;

    if (spare_count > 0) {
        self = spares[--spare_count];
        (void)PyObject_Init((PyObject *)self, &lares__py_event_type);
    } else {
        self = PyObject_New(struct py_event, &lares__py_event_type);
        if (self == NULL)
            return NULL;
    }
    self->view = &self->own;
    self->data = NULL;
    self->channel = NULL;
    return self;
}

static void event_dealloc(PyObject *object)
{
    struct py_event *self = (struct py_event *)object;

    Py_CLEAR(self->data);
    Py_CLEAR(self->channel);
    if (spare_count < SPARE_MAX)
        spares[spare_count++] = self;
    else
        PyObject_Free(self);
}

static PyObject *channel_new(const char *name)
{
    PyObject *channel = Py_None;

    if (name != NULL && (last_name == NULL || strcmp(last_name, name) != 0)) {
        channel = PyUnicode_FromString(name);
        if (channel == NULL)
            return NULL;
        last_name = PyUnicode_AsUTF8(channel);
        Py_XSETREF(last_channel, channel);
    }
    if (name != NULL)
        channel = last_channel;
    Py_INCREF(channel);
    return channel;
}

/* Copy what the event still views. */
static void event_own(struct py_event *self)
{
    self->own = *self->view;
    if (self->channel == NULL)
        self->channel = channel_new(self->own.channel);
    if (self->channel == NULL)
        PyErr_Clear(); /* no memory, no place to say so: it will read None */
    self->own.data = NULL;
    self->own.channel = NULL;
    self->view = &self->own;
}

/* Show an input as an Event, made of the spare one if there is one. NULL, with
 * an exception set: there is none any more. Hot: only the bytes are new. */
PyObject *lares__py_event_lend(PyObject *spare, const lares_event *event)
{
    struct py_event *self = (struct py_event *)spare;

    if (self == NULL)
        self = event_alloc();
    if (self == NULL)
        return NULL;
    self->view = event;
    self->data = PyBytes_FromStringAndSize(event->data, (Py_ssize_t)event->len);
    if (self->data == NULL)
        Py_CLEAR(self);
    return (PyObject *)self;
}

/* The input goes: give back the Event as a spare, or, if somebody kept it,
 * make it own all it shows and give back NULL. No exception is set. */
PyObject *lares__py_event_settle(PyObject *object)
{
    struct py_event *self = (struct py_event *)object;

    if (Py_REFCNT(object) == 1) {
        Py_CLEAR(self->data);
        Py_CLEAR(self->channel);
        self->view = &self->own;
        return object;
    }
    event_own(self);
    Py_DECREF(object);
    return NULL;
}

static PyObject *event_copy(const lares_event *event)
{
    PyObject *object = lares__py_event_lend(NULL, event);

    if (object != NULL)
        event_own((struct py_event *)object);
    return object;
}

/* Append copies of all events to a list; the events are taken. */
int lares__py_events_append(PyObject *list, lares_events *events)
{
    const lares_event *event;
    int rc = 0;

    while (rc == 0 && (event = lares_events_next(events)) != NULL) {
        PyObject *copy = event_copy(event);

        rc = copy != NULL ? PyList_Append(list, copy) : -1;
        Py_XDECREF(copy);
    }
    lares_events_free(events);
    return rc;
}

/* Turn events into a list of copies; they are taken. Made for the most common
 * number of outputs, which is one: a list that grows costs more. */
PyObject *lares__py_events_list(lares_events *events)
{
    const lares_event *event = lares_events_next(events);
    PyObject *first = event != NULL ? event_copy(event) : NULL;
    PyObject *list = PyList_New(first != NULL);

    if (list == NULL || PyErr_Occurred()) {
        Py_XDECREF(first);
        Py_CLEAR(list);
        lares_events_free(events);
        return NULL;
    }
    if (first != NULL)
        PyList_SET_ITEM(list, 0, first);
    if (lares__py_events_append(list, events) < 0)
        Py_CLEAR(list);
    return list;
}

/* -- attributes ----------------------------------------------------------- */

static const lares_event *event_view(PyObject *object)
{
    return ((struct py_event *)object)->view;
}

static PyObject *event_channel(PyObject *object, void *unused)
{
    struct py_event *self = (struct py_event *)object;

    (void)unused;
    if (self->channel == NULL)
        self->channel = channel_new(self->view->channel);
    Py_XINCREF(self->channel);
    return self->channel;
}

static PyObject *event_number(PyObject *object, void *offset)
{
    const char *field = (const char *)event_view(object) + (uintptr_t)offset;
    uint64_t number;

    memcpy(&number, field, sizeof number);
    return PyLong_FromUnsignedLongLong(number);
}

static PyObject *event_replay(PyObject *object, void *unused)
{
    (void)unused;
    return PyBool_FromLong(event_view(object)->flags & LARES_EVENT_REPLAY);
}

static PyObject *event_text(PyObject *object, void *unused)
{
    (void)unused;
    return PyUnicode_FromEncodedObject(((struct py_event *)object)->data,
                                       "utf-8", "strict");
}

static PyObject *event_time(PyObject *object, void *unused)
{
    uint64_t ns = event_view(object)->received_at;
    time_t seconds = (time_t)(ns / NS_PER_S);
    int micros = (int)(ns % NS_PER_S / 1000);
    struct tm tm;

    (void)unused;
    if (gmtime_r(&seconds, &tm) == NULL)
        return PyErr_SetFromErrno(PyExc_OverflowError);
    return PyDateTimeAPI->DateTime_FromDateAndTime(
        tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
        tm.tm_sec, micros, PyDateTime_TimeZone_UTC,
        PyDateTimeAPI->DateTimeType);
}

static PyObject *event_bytes(PyObject *object, PyObject *unused)
{
    PyObject *data = ((struct py_event *)object)->data;

    (void)unused;
    Py_INCREF(data);
    return data;
}

static Py_ssize_t event_length(PyObject *object)
{
    return (Py_ssize_t)event_view(object)->len;
}

static PyObject *event_repr(PyObject *object)
{
    const lares_event *event = event_view(object);
    PyObject *data = ((struct py_event *)object)->data;
    PyObject *channel = event_channel(object, NULL);
    PyObject *start = PySequence_GetSlice(data, 0, REPR_BYTES);
    PyObject *repr = NULL;
    char id[17];

    if (channel != NULL && start != NULL) {
        PyOS_snprintf(id, sizeof id, "%016llx",
                      (unsigned long long)event->origin);
        repr = PyUnicode_FromFormat(
            "<Event %s#%llu %R %R%s>", id, (unsigned long long)event->sequence,
            channel, start, event->len > REPR_BYTES ? "..." : "");
    }
    Py_XDECREF(start);
    Py_XDECREF(channel);
    return repr;
}

/* Equal are the same link and the same bytes, wherever they were received. */
static int event_equal(PyObject *left, PyObject *right)
{
    const lares_event *a = event_view(left), *b = event_view(right);

    if (a->origin != b->origin || a->sequence != b->sequence ||
        a->parent != b->parent || a->horizon != b->horizon ||
        a->hash != b->hash)
        return 0;
    return PyObject_RichCompareBool(((struct py_event *)left)->data,
                                    ((struct py_event *)right)->data, Py_EQ);
}

static PyObject *event_compare(PyObject *left, PyObject *right, int how)
{
    int equal;

    if ((how != Py_EQ && how != Py_NE) ||
        Py_TYPE(left) != &lares__py_event_type ||
        Py_TYPE(right) != &lares__py_event_type)
        Py_RETURN_NOTIMPLEMENTED;
    equal = left == right ? 1 : event_equal(left, right);
    if (equal < 0)
        return NULL;
    return PyBool_FromLong(equal == (how == Py_EQ));
}

static Py_hash_t event_hash(PyObject *object)
{
    const lares_event *event = event_view(object);
    Py_hash_t hash = (Py_hash_t)(event->hash ^ event->origin);

    return hash == -1 ? -2 : hash;
}

/* -- the type ------------------------------------------------------------- */

/* A number is read at the offset of its field, which is the closure. */
#define AT(field) ((void *)offsetof(lares_event, field))

static PyMemberDef event_members[] = {
    {.name = "data",
     .type = T_OBJECT_EX,
     .offset = offsetof(struct py_event, data),
     .flags = READONLY,
     .doc = "bytes: the payload."},
    {0},
};

static PyGetSetDef event_attributes[] = {
    {.name = "text",
     .get = event_text,
     .doc = "str: the payload, read as UTF-8."},
    {.name = "channel",
     .get = event_channel,
     .doc = "str or None: its channel; None if it was sent or delivered."},
    {.name = "time",
     .get = event_time,
     .doc = "datetime: received_at, in UTC."},
    {.name = "replay",
     .get = event_replay,
     .doc = "bool: it was handled before; what it emits now is dropped."},
    {.name = "origin",
     .get = event_number,
     .closure = AT(origin),
     .doc = "int: the 64-bit name of the identity that emitted it."},
    {.name = "sequence",
     .get = event_number,
     .closure = AT(sequence),
     .doc = "int: its position in the chain of its origin, from 1."},
    {.name = "parent",
     .get = event_number,
     .closure = AT(parent),
     .doc = "int: the hash of the event before it in that chain."},
    {.name = "horizon",
     .get = event_number,
     .closure = AT(horizon),
     .doc = "int: a sketch of what its emitter had observed."},
    {.name = "hash",
     .get = event_number,
     .closure = AT(hash),
     .doc = "int: of link and data; the parent of its successor."},
    {.name = "arrival",
     .get = event_number,
     .closure = AT(arrival),
     .doc = "int: its position in the mailbox; 0 elsewhere."},
    {.name = "received_at",
     .get = event_number,
     .closure = AT(received_at),
     .doc = "int: when it was received, in unix nanoseconds."},
    {0},
};

static PyMethodDef event_methods[] = {
    {.ml_name = "__bytes__",
     .ml_meth = event_bytes,
     .ml_flags = METH_NOARGS,
     .ml_doc = "Return the payload."},
    {0},
};

static PySequenceMethods event_sequence = {.sq_length = event_length};

PyTypeObject lares__py_event_type = {
    .ob_base = {PyObject_HEAD_INIT(NULL) 0},
    .tp_name = "lares.Event",
    .tp_doc = PyDoc_STR(
        "An event: a payload and its link in the chain of its origin.\n\n"
        "Events are made by Lares. They never change, own their data and may\n"
        "be kept for ever. bytes(event) is its data, len(event) their number;\n"
        "two events are equal if link and data are."),
    .tp_basicsize = sizeof(struct py_event),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_dealloc = event_dealloc,
    .tp_repr = event_repr,
    .tp_hash = event_hash,
    .tp_richcompare = event_compare,
    .tp_as_sequence = &event_sequence,
    .tp_methods = event_methods,
    .tp_members = event_members,
    .tp_getset = event_attributes,
};

int lares__py_event_bind(void)
{
    PyDateTime_IMPORT;
    if (PyDateTimeAPI == NULL)
        return -1;
    return PyType_Ready(&lares__py_event_type);
}
