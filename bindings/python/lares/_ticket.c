/* _ticket.c - nodes and daemons, and what programs ask them a million times.
 *
 * Design notes.
 * 1. NodeBase and HandleBase own one ticket each, which their end frees. The
 *    Python classes over them do everything that is not hot.
 * 2. A try never waits and runs no code of other languages, so publish and send
 *    first try with the GIL held: nobody can make the caller queue for the GIL
 *    in between. Only what has to wait lets it go.
 * 3. A deliver may run a turn, in whatever language: it lets the GIL go.
 */
#include "_trampoline.h"

#include <string.h>

enum { /* timeouts, unless the caller gives one */
    PUBLISH_MS = 5000,
    DELIVER_MS = 30000
};

/* -- node ----------------------------------------------------------------- */

struct py_node {
    PyObject_HEAD
    lares_node *node; /* NULL until _own */
};

static PyObject *node_own(PyObject *object, PyObject *address)
{
    ((struct py_node *)object)->node = PyLong_AsVoidPtr(address);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

static void node_dealloc(PyObject *object)
{
    struct py_node *self = (struct py_node *)object;
    struct lares__py_pause pause;

    lares__py_pause(&pause);
    lares_node_free(self->node);
    lares__py_resume(&pause);
    Py_TYPE(object)->tp_free(object);
}

static lares_status node_publish_all(lares_node *node, const char *channel,
                                     const struct lares__py_data *data,
                                     int64_t timeout_ms)
{
    lares_status status;

    status = lares_node_publish(node, channel, data->data, data->len, 0);
    if (status != LARES_EAGAIN || timeout_ms == 0)
        return status;
    Py_BEGIN_ALLOW_THREADS
    status =
        lares_node_publish(node, channel, data->data, data->len, timeout_ms);
    Py_END_ALLOW_THREADS
    return status;
}

static PyObject *node_publish(PyObject *object, PyObject *const *args,
                              Py_ssize_t count, PyObject *names)
{
    static const struct lares__py_signature signature = {
        "publish", {"channel", "data", "timeout"}, 2};
    struct py_node *self = (struct py_node *)object;
    PyObject *values[3] = {NULL, NULL, NULL};
    int64_t timeout_ms = PUBLISH_MS;
    struct lares__py_data data;
    const char *channel;
    lares_status status;

    if (lares__py_arguments(&signature, args, count, names, values) < 0 ||
        lares__py_timeout_get(values[2], &timeout_ms) < 0)
        return NULL;
    channel = lares__py_text_get(values[0], "channel");
    if (channel == NULL || lares__py_data_get(values[1], &data) < 0)
        return NULL;
    status = node_publish_all(self->node, channel, &data, timeout_ms);
    lares__py_data_drop(&data);
    if (status < 0) {
        lares__py_raise(status);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef node_methods[] = {
    {.ml_name = "_own", .ml_meth = node_own, .ml_flags = METH_O},
    {.ml_name = "publish",
     .ml_meth = LARES__PY_FAST(node_publish),
     .ml_flags = METH_FASTCALL | METH_KEYWORDS,
     .ml_doc = PyDoc_STR(
         "publish($self, /, channel, data, timeout=5.0)\n--\n\n"
         "Publish an event on a channel: to all its receivers, or to none.\n\n"
         "channel: str of 1-255 bytes, tokens joined by '.'.\n"
         "data: bytes, bytearray or memoryview; at most 16 MiB.\n"
         "timeout: seconds to wait for receivers that have no space; 0 tries,\n"
         "None waits for ever. No receiver at all is fine.\n\n"
         "Raises InvalidArgument (ENAME, ETOOBIG), Denied (a channel that\n"
         "opens with '$'), Full (timeout 0), Timeout, Deadlock (inside a\n"
         "callback, where it would wait), WrongState (not started), Closed.\n"
         "What raises has reached nobody.")},
    {0},
};

PyTypeObject lares__py_node_type = {
    .ob_base = {PyObject_HEAD_INIT(NULL) 0},
    .tp_name = "lares._native.NodeBase",
    .tp_basicsize = sizeof(struct py_node),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_dealloc = node_dealloc,
    .tp_methods = node_methods,
};

/* -- deliveries that wait ------------------------------------------------- */

/* Why a turn failed that a deliver may wait for. */
struct told {
    struct told *next; /* an older one */
    PyObject *failure;
};

/* A deliver that waits for its turn. */
struct delivery {
    struct delivery *prev, *next;
    uint64_t origin;
    struct lares__py_data data;
    struct told *told; /* mostly none */
};

static struct delivery waiting = {.prev = &waiting, .next = &waiting};

static void delivery_add(struct delivery *delivery, uint64_t origin)
{
    delivery->origin = origin;
    delivery->told = NULL;
    delivery->prev = waiting.prev;
    delivery->next = &waiting;
    waiting.prev->next = delivery;
    waiting.prev = delivery;
}

static void delivery_remove(struct delivery *delivery)
{
    delivery->prev->next = delivery->next;
    delivery->next->prev = delivery->prev;
}

static int delivery_told(struct delivery *delivery, PyObject *failure)
{
    struct told *told = PyMem_Malloc(sizeof *told);

    if (told == NULL)
        return 0;
    Py_INCREF(failure);
    told->failure = failure;
    told->next = delivery->told;
    delivery->told = told;
    return 1;
}

static int delivery_matches(const struct delivery *delivery, uint64_t origin,
                            const lares_event *input)
{
    return delivery->origin == origin && delivery->data.len == input->len &&
           (input->len == 0 ||
            memcmp(delivery->data.data, input->data, input->len) == 0);
}

/* Tell all delivers of these bytes to that daemon, and write down how many they
 * are. What came on a channel, a timer, and what is played again were never a
 * deliver. Python does not run meanwhile: it might end one of them. */
int lares__py_deliveries_tell(uint64_t origin, const lares_event *input,
                              PyObject *failure)
{
    struct delivery *each;
    PyObject *count;
    int holders = 0;

    if (input->channel != NULL || input->origin == 0 ||
        (input->flags & LARES_EVENT_REPLAY) != 0)
        return 0;
    for (each = waiting.next; each != &waiting; each = each->next) {
        if (delivery_matches(each, origin, input))
            holders += delivery_told(each, failure);
    }
    count = PyLong_FromLong(holders);
    if (count == NULL || PyObject_SetAttrString(failure, "holders", count) < 0)
        PyErr_Clear(); /* no memory: then none of them reports it */
    Py_XDECREF(count);
    return holders;
}

/* Hand the failures over to a list, oldest first; NULL: an exception. */
static PyObject *delivery_failures(struct delivery *delivery)
{
    PyObject *list = PyList_New(0);
    struct told *told;

    while ((told = delivery->told) != NULL) {
        delivery->told = told->next;
        if (list != NULL && PyList_Append(list, told->failure) < 0)
            Py_CLEAR(list);
        Py_DECREF(told->failure);
        PyMem_Free(told);
    }
    if (list != NULL && PyList_Reverse(list) < 0)
        Py_CLEAR(list);
    return list;
}

/* Raise why a deliver failed, if it did, and settle what it was told. */
static int delivery_settle(struct delivery *delivery, lares_status status)
{
    PyObject *list, *error;
    int answer = -1;

    if (status >= 0 && delivery->told == NULL)
        return 0;
    list = delivery_failures(delivery);
    if (list == NULL)
        return -1;
    error = PyObject_CallFunction(lares__py_hooks.delivered, "isO", (int)status,
                                  lares_error_detail(), list);
    if (error == Py_None)
        answer = 0;
    else if (error != NULL)
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_XDECREF(error);
    Py_DECREF(list);
    return answer;
}

/* -- handle --------------------------------------------------------------- */

struct py_handle {
    PyObject_HEAD
    lares_daemon *daemon; /* NULL until _own */
    uint64_t origin;
};

static PyObject *handle_own(PyObject *object, PyObject *address)
{
    struct py_handle *self = (struct py_handle *)object;

    self->daemon = PyLong_AsVoidPtr(address);
    if (PyErr_Occurred())
        return NULL;
    self->origin = lares_daemon_origin(self->daemon);
    Py_RETURN_NONE;
}

static void handle_dealloc(PyObject *object)
{
    struct py_handle *self = (struct py_handle *)object;
    struct lares__py_pause pause;

    lares__py_pause(&pause);
    lares_daemon_free(self->daemon);
    lares__py_resume(&pause);
    Py_TYPE(object)->tp_free(object);
}

static PyObject *handle_origin(PyObject *object, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(((struct py_handle *)object)->origin);
}

/* Read `data, timeout`, the parameters of deliver and send. */
static int handle_arguments(const struct lares__py_signature *signature,
                            PyObject *const *args, Py_ssize_t count,
                            PyObject *names, struct lares__py_data *data,
                            int64_t *timeout_ms)
{
    PyObject *values[2] = {NULL, NULL};

    if (lares__py_arguments(signature, args, count, names, values) < 0 ||
        lares__py_timeout_get(values[1], timeout_ms) < 0)
        return -1;
    return lares__py_data_get(values[0], data);
}

static PyObject *handle_deliver(PyObject *object, PyObject *const *args,
                                Py_ssize_t count, PyObject *names)
{
    static const struct lares__py_signature signature = {
        "deliver", {"data", "timeout"}, 1};
    struct py_handle *self = (struct py_handle *)object;
    struct delivery delivery;
    int64_t timeout_ms = DELIVER_MS;
    lares_events *events = NULL;
    PyThreadState *outer;
    lares_status status;

    if (handle_arguments(&signature, args, count, names, &delivery.data,
                         &timeout_ms) < 0)
        return NULL;
    delivery_add(&delivery, self->origin);
    outer = lares__py_gil_release();
    status = lares_daemon_deliver(self->daemon, delivery.data.data,
                                  delivery.data.len, timeout_ms, &events);
    lares__py_gil_regain(outer);
    delivery_remove(&delivery);
    lares__py_data_drop(&delivery.data);
    if (delivery_settle(&delivery, status) < 0) {
        lares_events_free(events);
        return NULL;
    }
    return lares__py_events_list(events);
}

static lares_status handle_send_all(lares_daemon *daemon,
                                    const struct lares__py_data *data,
                                    int64_t timeout_ms)
{
    lares_status status;

    status = lares_daemon_send(daemon, data->data, data->len, 0);
    if (status != LARES_EAGAIN || timeout_ms == 0)
        return status;
    Py_BEGIN_ALLOW_THREADS
    status = lares_daemon_send(daemon, data->data, data->len, timeout_ms);
    Py_END_ALLOW_THREADS
    return status;
}

static PyObject *handle_send(PyObject *object, PyObject *const *args,
                             Py_ssize_t count, PyObject *names)
{
    static const struct lares__py_signature signature = {
        "send", {"data", "timeout"}, 1};
    struct py_handle *self = (struct py_handle *)object;
    int64_t timeout_ms = PUBLISH_MS;
    struct lares__py_data data;
    lares_status status;

    if (handle_arguments(&signature, args, count, names, &data, &timeout_ms) <
        0)
        return NULL;
    status = handle_send_all(self->daemon, &data, timeout_ms);
    lares__py_data_drop(&data);
    if (status < 0) {
        lares__py_raise(status);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyGetSetDef handle_attributes[] = {
    {.name = "origin",
     .get = handle_origin,
     .doc = "int: the 64-bit name of the daemon."},
    {0},
};

static PyMethodDef handle_methods[] = {
    {.ml_name = "_own", .ml_meth = handle_own, .ml_flags = METH_O},
    {.ml_name = "deliver",
     .ml_meth = LARES__PY_FAST(handle_deliver),
     .ml_flags = METH_FASTCALL | METH_KEYWORDS,
     .ml_doc = PyDoc_STR(
         "deliver($self, /, data, timeout=30.0)\n--\n\n"
         "Take one turn now and return its outputs, a list of Event.\n\n"
         "data: bytes, bytearray or memoryview; at most 16 MiB.\n"
         "timeout: seconds; 0 tries, None waits for ever.\n"
         "The outputs are published too.\n\n"
         "Raises CallbackError if the turn failed (it moved nothing; .text\n"
         "says why, __cause__ is the exception), Timeout if it never began,\n"
         "OutcomeUnknown if it had begun, Full (timeout 0), Deadlock inside a\n"
         "callback, InvalidArgument (ETOOBIG), WrongState (EDOWN: waiting to\n"
         "be restarted), Closed. SystemExit and KeyboardInterrupt of the turn\n"
         "rise as they are.")},
    {.ml_name = "send",
     .ml_meth = LARES__PY_FAST(handle_send),
     .ml_flags = METH_FASTCALL | METH_KEYWORDS,
     .ml_doc = PyDoc_STR(
         "send($self, /, data, timeout=5.0)\n--\n\n"
         "Put an event into the mailbox of the daemon.\n\n"
         "data: bytes, bytearray or memoryview; at most 16 MiB.\n"
         "timeout: seconds to wait for space; 0 tries, None waits for ever.\n\n"
         "Raises Full (timeout 0), Timeout, Deadlock (inside a callback, "
         "where\n"
         "it would wait), InvalidArgument (ETOOBIG), WrongState (EDOWN),\n"
         "Closed. What raises has reached nobody.")},
    {0},
};

PyTypeObject lares__py_handle_type = {
    .ob_base = {PyObject_HEAD_INIT(NULL) 0},
    .tp_name = "lares._native.HandleBase",
    .tp_basicsize = sizeof(struct py_handle),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_dealloc = handle_dealloc,
    .tp_methods = handle_methods,
    .tp_getset = handle_attributes,
};
