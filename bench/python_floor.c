#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "python_floor.h"

#include "bench.h"

#include <string.h>

enum {
    PAYLOAD = 64
};

struct payload {
    uint64_t number;
    char zeros[PAYLOAD - sizeof(uint64_t)];
};

static void call(PyObject *callable, const struct payload *in,
                 struct payload *out)
{
    PyObject *data = PyBytes_FromStringAndSize((const char *)in, sizeof *in);
    PyObject *result = NULL;
    Py_ssize_t len = 0;
    char *bytes;

    if (data != NULL)
        result = PyObject_CallOneArg(callable, data);
    Py_XDECREF(data);
    bench_check(result != NULL &&
                    PyBytes_AsStringAndSize(result, &bytes, &len) == 0 &&
                    len == sizeof *out,
                "Python");
    memcpy(out, bytes, sizeof *out);
    Py_DECREF(result);
}

uint64_t python_floor_raw(uintptr_t callable, uint64_t count)
{
    PyGILState_STATE state = PyGILState_Ensure();
    struct payload in = {0}, out;
    uint64_t sum = 0;

    for (in.number = 0; in.number < count; in.number++) {
        call((PyObject *)callable, &in, &out);
        sum += out.number;
    }
    PyGILState_Release(state);
    return sum;
}

uint64_t python_floor_extern(size_t (*function)(void *user, const char *data,
                                                size_t len, char *out),
                             void *user, uint64_t count)
{
    PyGILState_STATE state = PyGILState_Ensure();
    struct payload in = {0}, out;
    uint64_t sum = 0;

    for (in.number = 0; in.number < count; in.number++) {
        bench_check(function(user, (const char *)&in, sizeof in,
                             (char *)&out) == sizeof out,
                    "Python");
        sum += out.number;
    }
    PyGILState_Release(state);
    return sum;
}
