/* _trampoline.c - the way of a crossing into Python.
 *
 * Design notes.
 * 1. The core is given tokens, never addresses: the index of a slot in the low
 *    32 bits, its generation in the high ones. An unknown token is FAILED.
 * 2. The GIL is taken once per crossing, which may hold many inputs.
 * 3. While Python runs, the table may move and the slot may end, so a crossing
 *    holds references of its own to the instance and to its method.
 */
#include "_trampoline.h"

/* -- instances ------------------------------------------------------------ */

struct slot {
    struct lares__py_daemon *daemon; /* NULL: free */
    PyObject *process;               /* bound, looked up once */
    uint32_t generation;             /* raised when the slot is freed */
    uint32_t next;                   /* free slot, or SLOT_NONE */
};

enum {
    SLOTS_FIRST = 64
};

static const uint32_t SLOT_NONE = UINT32_MAX;
static struct slot *slots;
static uint32_t slot_count;
static uint32_t slot_free = UINT32_MAX;

static int slots_grow(void)
{
    uint32_t count = slot_count > 0 ? slot_count * 2 : SLOTS_FIRST;
    struct slot *grown = PyMem_Realloc(slots, count * sizeof *grown);

    if (grown == NULL || count < slot_count) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = slot_count; i < count; i++) {
        grown[i] = (struct slot){NULL, NULL, 1, i + 1};
    }
    grown[count - 1].next = SLOT_NONE;
    slot_free = slot_count;
    slot_count = count;
    slots = grown;
    return 0;
}

static struct slot *slot_find(uint64_t token)
{
    uint32_t index = (uint32_t)token;

    if (index >= slot_count || slots[index].daemon == NULL ||
        slots[index].generation != token >> 32)
        return NULL;
    return &slots[index];
}

/* slot_new(daemon, origin) -> token */
static PyObject *slot_new(PyObject *self, PyObject *args)
{
    PyObject *daemon, *process;
    unsigned long long origin;
    struct slot *slot;
    uint32_t index;

    (void)self;
    if (!PyArg_ParseTuple(args, "O!K", &lares__py_daemon_type, &daemon,
                          &origin))
        return NULL;
    if (slot_free == SLOT_NONE && slots_grow() < 0)
        return NULL;
    process = PyObject_GetAttrString(daemon, "process");
    if (process == NULL)
        return NULL;
    index = slot_free; /* after Python code: it may have taken others */
    if (index == SLOT_NONE) {
        Py_DECREF(process);
        return PyErr_NoMemory();
    }
    slot = &slots[index];
    slot_free = slot->next;
    Py_INCREF(daemon);
    slot->daemon = (struct lares__py_daemon *)daemon;
    slot->daemon->origin = origin;
    slot->process = process;
    return PyLong_FromUnsignedLongLong((uint64_t)slot->generation << 32 |
                                       index);
}

/* slot_drop(token) -> its daemon, or None if the token is unknown */
static PyObject *slot_drop(PyObject *self, PyObject *number)
{
    uint64_t token = PyLong_AsUnsignedLongLong(number);
    struct slot *slot = slot_find(token);
    PyObject *daemon, *process;

    (void)self;
    if (slot == NULL) {
        if (PyErr_Occurred())
            return NULL;
        Py_RETURN_NONE;
    }
    daemon = (PyObject *)slot->daemon;
    process = slot->process;
    slot->daemon = NULL;
    slot->process = NULL;
    if (++slot->generation != 0) { /* else retired: no token comes twice */
        slot->next = slot_free;
        slot_free = (uint32_t)(slot - slots);
    }
    Py_DECREF(process); /* may run Python: the slot is whole again */
    return daemon;
}

/* slot_get(token) -> its daemon, or None if the token is unknown */
static PyObject *slot_get(PyObject *self, PyObject *number)
{
    struct slot *slot = slot_find(PyLong_AsUnsignedLongLong(number));
    PyObject *daemon = slot != NULL ? (PyObject *)slot->daemon : Py_None;

    (void)self;
    if (PyErr_Occurred())
        return NULL;
    Py_INCREF(daemon);
    return daemon;
}

/* call_lend(daemon, call): to its __init__(), for timers; call 0: it is over */
static PyObject *call_lend(PyObject *self, PyObject *args)
{
    struct lares__py_daemon *daemon;
    unsigned long long call;

    (void)self;
    if (!PyArg_ParseTuple(args, "O!K", &lares__py_daemon_type, &daemon, &call))
        return NULL;
    lares__py_daemon_lend(daemon, (lares_call *)(uintptr_t)call, 1);
    Py_RETURN_NONE;
}

PyMethodDef lares__py_instance_methods[] = {
    {.ml_name = "slot_new", .ml_meth = slot_new, .ml_flags = METH_VARARGS},
    {.ml_name = "slot_get", .ml_meth = slot_get, .ml_flags = METH_O},
    {.ml_name = "slot_drop", .ml_meth = slot_drop, .ml_flags = METH_O},
    {.ml_name = "call_lend", .ml_meth = call_lend, .ml_flags = METH_VARARGS},
    {0},
};

/* -- results -------------------------------------------------------------- */

enum {
    EMITTED,
    REFUSED, /* by the core, which knows why: the input is doomed */
    RAISED
};

static int emit_data(lares_call *call, PyObject *object)
{
    struct lares__py_data data;
    lares_status status;

    if (lares__py_data_get(object, &data) < 0)
        return RAISED;
    status = lares_call_emit(call, NULL, data.data, data.len);
    lares__py_data_drop(&data);
    return status < 0 ? REFUSED : EMITTED;
}

/* Complain about what process() answered, by the name of its kind. */
static int complain(struct lares__py_daemon *daemon, const char *verb,
                    PyObject *what)
{
    PyObject *kind = PyObject_GetAttrString((PyObject *)daemon, "kind");

    if (kind != NULL)
        PyErr_Format(PyExc_TypeError,
                     "%S.process %s %s, expected None, bytes or an iterable "
                     "of bytes",
                     kind, verb, Py_TYPE(what)->tp_name);
    Py_XDECREF(kind);
    return RAISED;
}

/* Emit all items, generators too, inside the turn; an endless one ends at its
 * quota, because the first refusal stops it. */
static int emit_items(lares_call *call, struct lares__py_daemon *daemon,
                      PyObject *items)
{
    PyObject *iterator = PyObject_GetIter(items);
    PyObject *item;
    int answer = EMITTED;

    if (iterator == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_TypeError))
            return RAISED;
        PyErr_Clear();
        return complain(daemon, "returned", items);
    }
    while (answer == EMITTED && (item = PyIter_Next(iterator)) != NULL) {
        if (PyObject_CheckBuffer(item))
            answer = emit_data(call, item);
        else
            answer = complain(daemon, "returned an iterable with", item);
        Py_DECREF(item);
    }
    Py_DECREF(iterator);
    return PyErr_Occurred() ? RAISED : answer;
}

/* Emit what process() answered; bytes are the fast way. */
static int emit_result(lares_call *call, struct lares__py_daemon *daemon,
                       PyObject *result)
{
    if (result == Py_None)
        return EMITTED;
    if (PyBytes_CheckExact(result))
        return lares_call_emit(call, NULL, PyBytes_AS_STRING(result),
                               (size_t)PyBytes_GET_SIZE(result)) < 0
                   ? REFUSED
                   : EMITTED;
    if (PyUnicode_Check(result))
        return complain(daemon, "returned", result);
    if (PyObject_CheckBuffer(result))
        return emit_data(call, result);
    return emit_items(call, daemon, result);
}

/* -- a crossing ----------------------------------------------------------- */

static PyObject *exception_take(void)
{
    PyObject *type, *value, *traceback;

    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL)
        PyException_SetTraceback(value, traceback);
    Py_XDECREF(traceback);
    Py_XDECREF(type);
    return value;
}

/* Make a Failure of an exception. An interrupt may rise instead, as Python is
 * entered: then that is why the turn failed. */
static PyObject *failure_new(struct lares__py_daemon *daemon, PyObject *error)
{
    PyObject *hook = lares__py_hooks.failed;
    PyObject *failure, *interrupt;

    failure = PyObject_CallFunctionObjArgs(hook, daemon, error, NULL);
    if (failure != NULL)
        return failure;
    interrupt = exception_take();
    Py_INCREF(error);
    PyException_SetContext(interrupt, error);
    failure = PyObject_CallFunctionObjArgs(hook, daemon, interrupt, NULL);
    Py_DECREF(interrupt);
    return failure;
}

/* Nobody waits for it. What interrupts that is reported, too. */
static int failure_report(struct lares__py_daemon *daemon, PyObject *failure)
{
    PyObject *done = PyObject_CallMethod(failure, "report", NULL);

    if (done == NULL) {
        PyObject *interrupt = exception_take();

        failure = failure_new(daemon, interrupt);
        Py_DECREF(interrupt);
        if (failure == NULL)
            return -1;
        done = PyObject_CallMethod(failure, "report", NULL);
        Py_DECREF(failure);
    }
    Py_XDECREF(done);
    return done != NULL ? 0 : -1;
}

static void failure_text_give(lares_call *call, PyObject *failure)
{
    PyObject *text = PyObject_GetAttrString(failure, "text");
    const char *utf8 = text != NULL ? PyUnicode_AsUTF8(text) : NULL;

    lares_call_fail(call, utf8 != NULL ? utf8 : "callback failed");
    PyErr_Clear();
    Py_XDECREF(text);
}

/* Hand over why the turn failed, to the core and to who waits for it. */
static void turn_fail(lares_call *call, struct lares__py_daemon *daemon,
                      const lares_event *input)
{
    PyObject *error = exception_take();
    PyObject *failure = failure_new(daemon, error);

    Py_DECREF(error);
    if (failure == NULL) {
        PyErr_WriteUnraisable((PyObject *)daemon);
        return;
    }
    failure_text_give(call, failure);
    if (lares__py_deliveries_tell(daemon->origin, input, failure) == 0 &&
        failure_report(daemon, failure) < 0)
        PyErr_WriteUnraisable((PyObject *)daemon);
    Py_DECREF(failure);
}

/* Show every input to Python and emit what it answers.
 *
 * Hot: in steady state it allocates nothing but what process() makes. */
static lares_verdict drain(lares_call *call, struct lares__py_daemon *daemon,
                           PyObject *process)
{
    const lares_event *input;
    PyObject *event = NULL;
    int answer = EMITTED;

    while (answer != RAISED && (input = lares_call_next(call)) != NULL) {
        PyObject *result = NULL;

        event = lares__py_event_lend(event, input);
        if (event != NULL)
            result = PyObject_CallOneArg(process, event);
        answer = result != NULL ? emit_result(call, daemon, result) : RAISED;
        Py_XDECREF(result);
        if (answer == RAISED)
            turn_fail(call, daemon, input);
        if (event != NULL)
            event = lares__py_event_settle(event);
    }
    Py_XDECREF(event);
    return answer == RAISED ? LARES_FAILED : LARES_DONE;
}

static lares_verdict on_process(lares_call *call, void *instance)
{
    struct lares__py_gil gil;
    lares_verdict verdict = LARES_FAILED;
    struct slot *slot;

    if (!lares__py_enter(&gil))
        return LARES_FAILED;
    slot = slot_find((uintptr_t)instance);
    if (slot != NULL) {
        struct lares__py_daemon *daemon = slot->daemon;
        PyObject *process = slot->process;

        Py_INCREF(daemon);
        Py_INCREF(process);
        lares__py_daemon_lend(daemon, call, 0);
        verdict = drain(call, daemon, process);
        lares__py_daemon_lend(daemon, NULL, 0);
        Py_DECREF(process);
        Py_DECREF(daemon);
    }
    lares__py_leave(&gil);
    return verdict;
}

/* -- the cold callbacks, written in Python -------------------------------- */

static lares_verdict on_create(lares_call *call, lares_daemon *daemon,
                               void **instance_out, void *user)
{
    struct lares__py_gil gil;
    lares_verdict verdict;

    if (!lares__py_enter(&gil))
        return LARES_FAILED;
    verdict = lares__py_on_create(call, daemon, instance_out, user);
    lares__py_leave(&gil);
    return verdict;
}

static void on_destroy(void *instance)
{
    struct lares__py_gil gil;

    if (!lares__py_enter(&gil))
        return;
    lares__py_on_destroy(instance);
    lares__py_leave(&gil);
}

static lares_verdict on_snapshot(lares_call *call, void *instance)
{
    struct lares__py_gil gil;
    lares_verdict verdict;

    if (!lares__py_enter(&gil))
        return LARES_FAILED;
    verdict = lares__py_on_snapshot(call, instance);
    lares__py_leave(&gil);
    return verdict;
}

static lares_verdict on_restore(lares_call *call, uint32_t version,
                                const void *data, size_t len, void *instance)
{
    struct lares__py_gil gil;
    lares_verdict verdict;

    if (!lares__py_enter(&gil))
        return LARES_FAILED;
    verdict = lares__py_on_restore(call, version, data, len, instance);
    lares__py_leave(&gil);
    return verdict;
}

static lares_verdict on_recover(lares_call *call, void *user)
{
    struct lares__py_gil gil;
    lares_verdict verdict;

    if (!lares__py_enter(&gil))
        return LARES_FAILED;
    verdict = lares__py_on_recover(call, user);
    lares__py_leave(&gil);
    return verdict;
}

static void on_release(void *user)
{
    struct lares__py_gil gil;

    if (!lares__py_enter(&gil))
        return;
    lares__py_on_release(user);
    lares__py_leave(&gil);
}

/* What a kind is registered with; a stateful one can snapshot. */
const lares_daemon_ops *lares_py_ops(int stateful)
{
    static const lares_daemon_ops ops[2] = {
        {
            .size = sizeof ops[0],
            .create = on_create,
            .destroy = on_destroy,
            .process = on_process,
        },
        {
            .size = sizeof ops[0],
            .create = on_create,
            .destroy = on_destroy,
            .process = on_process,
            .snapshot = on_snapshot,
            .restore = on_restore,
        },
    };

    return &ops[stateful != 0];
}

lares_recovery_fn lares_py_recover(void)
{
    return on_recover;
}

lares_release_fn lares_py_release(void)
{
    return on_release;
}
