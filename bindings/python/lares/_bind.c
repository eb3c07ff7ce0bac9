/* _bind.c - what C asks of Python, and the arguments of the fast methods. */
#include "_trampoline.h"

#include <math.h>
#include <string.h>

struct lares__py_hooks lares__py_hooks;

/* -- errors --------------------------------------------------------------- */

void lares__py_raise_detail(lares_status status, const char *detail)
{
    PyObject *error;

    error =
        PyObject_CallFunction(lares__py_hooks.error, "is", (int)status, detail);
    if (error != NULL)
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_XDECREF(error);
}

/* Raise the status that a call of this thread has just answered. */
void lares__py_raise(lares_status status)
{
    lares__py_raise_detail(status, lares_error_detail());
}

/* -- arguments ------------------------------------------------------------ */

static Py_ssize_t key_find(const struct lares__py_signature *signature,
                           PyObject *name)
{
    for (Py_ssize_t i = 0; signature->keys[i] != NULL; i++) {
        if (PyUnicode_CompareWithASCIIString(name, signature->keys[i]) == 0)
            return i;
    }
    return -1;
}

static int keywords_get(const struct lares__py_signature *signature,
                        PyObject *const *args, PyObject *names,
                        PyObject **values)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        Py_ssize_t key = key_find(signature, name);

        if (key < 0 || values[key] != NULL) {
            PyErr_Format(PyExc_TypeError, "%s() got %s argument %R",
                         signature->name,
                         key < 0 ? "an unexpected" : "a second", name);
            return -1;
        }
        values[key] = args[i];
    }
    return 0;
}

/* Spread the arguments of a vectorcall over `values`, which hold NULL. */
int lares__py_arguments(const struct lares__py_signature *signature,
                        PyObject *const *args, Py_ssize_t count,
                        PyObject *names, PyObject **values)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        if (signature->keys[i] == NULL) {
            PyErr_Format(PyExc_TypeError, "%s() takes at most %zd arguments",
                         signature->name, i);
            return -1;
        }
        values[i] = args[i];
    }
    if (names != NULL &&
        keywords_get(signature, args + count, names, values) < 0)
        return -1;
    for (Py_ssize_t i = 0; i < signature->required; i++) {
        if (values[i] == NULL) {
            PyErr_Format(PyExc_TypeError, "%s() misses argument '%s'",
                         signature->name, signature->keys[i]);
            return -1;
        }
    }
    return 0;
}

int lares__py_data_get(PyObject *object, struct lares__py_data *out)
{
    out->view.obj = NULL;
    if (PyBytes_CheckExact(object)) {
        out->data = PyBytes_AS_STRING(object);
        out->len = (size_t)PyBytes_GET_SIZE(object);
        return 0;
    }
    if (!PyObject_CheckBuffer(object)) {
        PyErr_Format(PyExc_TypeError, "data is %s, expected bytes%s",
                     Py_TYPE(object)->tp_name,
                     PyUnicode_Check(object) ? ": use .encode()" : "");
        return -1;
    }
    if (PyObject_GetBuffer(object, &out->view, PyBUF_SIMPLE) < 0)
        return -1;
    out->data = out->view.buf;
    out->len = (size_t)out->view.len;
    return 0;
}

void lares__py_data_drop(struct lares__py_data *data)
{
    if (data->view.obj != NULL)
        PyBuffer_Release(&data->view);
}

/* Read seconds, None for ever, as whole milliseconds; NULL leaves *ms alone. */
int lares__py_timeout_get(PyObject *seconds, int64_t *ms)
{
    static const double longest = 9e15;
    double value;

    if (seconds == NULL)
        return 0;
    if (seconds == Py_None) {
        *ms = -1;
        return 0;
    }
    value = PyFloat_AsDouble(seconds);
    if (value == -1.0 && PyErr_Occurred())
        return -1;
    if (!(value >= 0.0)) {
        lares__py_raise_detail(LARES_ERANGE,
                               "a time is None or at least 0 seconds");
        return -1;
    }
    *ms = (int64_t)fmin(ceil(value * 1000.0), longest);
    return 0;
}

/* Borrow the UTF-8 of a str; a zero byte would cut it short for the core. */
const char *lares__py_text_get(PyObject *object, const char *what)
{
    const char *text;
    Py_ssize_t len;

    if (!PyUnicode_Check(object)) {
        PyErr_Format(PyExc_TypeError, "%s is %s, expected str", what,
                     Py_TYPE(object)->tp_name);
        return NULL;
    }
    text = PyUnicode_AsUTF8AndSize(object, &len);
    if (text != NULL && strlen(text) != (size_t)len) {
        lares__py_raise_detail(LARES_EINVAL, "a name holds a zero byte");
        return NULL;
    }
    return text;
}

/* -- import --------------------------------------------------------------- */

static PyObject *set_hooks(PyObject *self, PyObject *args)
{
    struct lares__py_hooks hooks;

    (void)self;
    if (!PyArg_ParseTuple(args, "OOO", &hooks.error, &hooks.failed,
                          &hooks.delivered))
        return NULL;
    Py_INCREF(hooks.error);
    Py_INCREF(hooks.failed);
    Py_INCREF(hooks.delivered);
    lares__py_hooks = hooks; /* of an earlier import: a few bytes, once */
    Py_RETURN_NONE;
}

static PyMethodDef bind_methods[] = {
    {.ml_name = "set_hooks", .ml_meth = set_hooks, .ml_flags = METH_VARARGS},
    {0},
};

static int type_bind(PyObject *module, const char *name, PyTypeObject *type)
{
    if (PyType_Ready(type) < 0)
        return -1;
    Py_INCREF(type);
    if (PyModule_AddObject(module, name, (PyObject *)type) == 0)
        return 0;
    Py_DECREF(type);
    return -1;
}

static int module_bind(PyObject *module)
{
    if (lares__py_thread_bind() < 0 || lares__py_event_bind() < 0)
        return -1;
    if (type_bind(module, "Event", &lares__py_event_type) < 0 ||
        type_bind(module, "DaemonBase", &lares__py_daemon_type) < 0 ||
        type_bind(module, "NodeBase", &lares__py_node_type) < 0 ||
        type_bind(module, "HandleBase", &lares__py_handle_type) < 0 ||
        type_bind(module, "InboxBase", &lares__py_inbox_type) < 0)
        return -1;
    if (PyModule_AddFunctions(module, bind_methods) < 0)
        return -1;
    return PyModule_AddFunctions(module, lares__py_instance_methods);
}

/* The module that this interpreter calls lares._native, borrowed. */
static PyObject *module_find(void)
{
    PyObject *modules = PyImport_GetModuleDict();

    return PyDict_GetItemString(modules, "lares._native");
}

/* Add the types and functions of C to the module, whose address is its id().
 *
 * Callbacks on foreign threads always enter the main interpreter, so in
 * another one the module that is found there is not the caller's. */
lares_status lares_py_bind(uint64_t module)
{
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *found = module_find();
    lares_status status = LARES_OK;

    if ((uintptr_t)found != module ||
        PyInterpreterState_Get() != PyInterpreterState_Main())
        status = LARES_EBUSY;
    else if (module_bind(found) < 0)
        status = LARES_ENOMEM;
    PyErr_Clear();
    PyGILState_Release(state);
    return status;
}
