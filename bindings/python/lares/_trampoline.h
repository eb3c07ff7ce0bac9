/* _trampoline.h - what the hand-written files of the module share.
 *
 *   _bind.c        what C asks of Python; arguments of the fast methods
 *   _event.c       lares.Event
 *   _gil.c         how callbacks come to the GIL
 *   _trampoline.c  the instances, and the way of a crossing into Python
 *   _daemon.c      what authors ask while their code runs: emit, timers
 *   _ticket.c      publish, deliver and send, without a call by CFFI
 *   _inbox.c       inboxes, the same
 *
 * Everything here is touched under the GIL only, unless a line says otherwise.
 */
#ifndef LARES_PY_TRAMPOLINE_H
#define LARES_PY_TRAMPOLINE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "lares.h"

/* -- for the CFFI module -------------------------------------------------- */

lares_status lares_py_bind(uint64_t module);
const lares_daemon_ops *lares_py_ops(int stateful);
lares_recovery_fn lares_py_recover(void);
lares_release_fn lares_py_release(void);
void lares_py_end(void);

/* Written in Python (_callbacks.py), called by _trampoline.c. */
extern lares_verdict lares__py_on_create(lares_call *, lares_daemon *, void **,
                                         void *);
extern void lares__py_on_destroy(void *);
extern lares_verdict lares__py_on_snapshot(lares_call *, void *);
extern lares_verdict lares__py_on_restore(lares_call *, uint32_t, const void *,
                                          size_t, void *);
extern lares_verdict lares__py_on_recover(lares_call *, void *);
extern void lares__py_on_release(void *);

/* -- _bind.c -------------------------------------------------------------- */

/* Python functions for the cold paths, set once at import. */
struct lares__py_hooks {
    PyObject *error;  /* (status, detail) -> exception */
    PyObject *failed; /* (daemon, exception) -> Failure */
    /* (status, detail, list of Failure) -> exception, or None */
    PyObject *delivered;
};

extern struct lares__py_hooks lares__py_hooks;

/* A function of METH_FASTCALL | METH_KEYWORDS, as a method table wants it. */
#define LARES__PY_FAST(function) ((PyCFunction)(void (*)(void))(function))

/* A payload of the caller: its bytes, or a view of another buffer. */
struct lares__py_data {
    const void *data;
    size_t len;
    Py_buffer view; /* view.obj is NULL for bytes, which the caller holds */
};

/* Parameters of a method: the first `required` must be given. */
struct lares__py_signature {
    const char *name;
    const char *keys[4]; /* the last is NULL */
    Py_ssize_t required;
};

/* All answer -1, and NULL, with an exception set. */
int lares__py_arguments(const struct lares__py_signature *signature,
                        PyObject *const *args, Py_ssize_t count,
                        PyObject *names, PyObject **values);
int lares__py_data_get(PyObject *object, struct lares__py_data *out);
void lares__py_data_drop(struct lares__py_data *data);
int lares__py_timeout_get(PyObject *seconds, int64_t *ms);
const char *lares__py_text_get(PyObject *object, const char *what);
void lares__py_raise(lares_status status);
void lares__py_raise_detail(lares_status status, const char *detail);

/* -- _event.c ------------------------------------------------------------- */

extern PyTypeObject lares__py_event_type;

int lares__py_event_bind(void);
PyObject *lares__py_event_lend(PyObject *spare, const lares_event *event);
PyObject *lares__py_event_settle(PyObject *object);
int lares__py_events_append(PyObject *list, lares_events *events);
PyObject *lares__py_events_list(lares_events *events);

/* -- _gil.c --------------------------------------------------------------- */

/* How a callback came to hold the GIL, for the way back. */
struct lares__py_gil {
    PyThreadState *known; /* NULL: by PyGILState_Ensure, and `state` */
    PyGILState_STATE state;
};

/* What the end of an object puts aside, to free its ticket. */
struct lares__py_pause {
    PyObject *type, *value, *traceback;
    PyThreadState *outer;
};

int lares__py_thread_bind(void);
int lares__py_enter(struct lares__py_gil *gil);
void lares__py_leave(const struct lares__py_gil *gil);
PyThreadState *lares__py_gil_release(void);
void lares__py_gil_regain(PyThreadState *outer);
void lares__py_pause(struct lares__py_pause *pause);
void lares__py_resume(struct lares__py_pause *pause);

/* -- _trampoline.c -------------------------------------------------------- */

extern PyMethodDef lares__py_instance_methods[];

/* -- _daemon.c ------------------------------------------------------------ */

/* An instance of an author's class. */
struct lares__py_daemon {
    PyObject_HEAD
    uint64_t origin;
    lares_call *call;     /* while process() or __init__() runs, else NULL */
    int creating;         /* it is __init__(), so there is no input in hand */
    unsigned long thread; /* the one that runs it */
};

extern PyTypeObject lares__py_daemon_type;

/* Let the author's code on this thread answer through a call, until it is
 * taken back by NULL. Hot. */
static inline void lares__py_daemon_lend(struct lares__py_daemon *daemon,
                                         lares_call *call, int creating)
{
    daemon->call = call;
    daemon->creating = creating;
    daemon->thread = PyThread_get_thread_ident();
}

/* -- _ticket.c ------------------------------------------------------------ */

extern PyTypeObject lares__py_node_type;
extern PyTypeObject lares__py_handle_type;

int lares__py_deliveries_tell(uint64_t origin, const lares_event *input,
                              PyObject *failure);

/* -- _inbox.c ------------------------------------------------------------- */

extern PyTypeObject lares__py_inbox_type;

#endif
