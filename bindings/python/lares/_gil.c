/* _gil.c - how callbacks come to the GIL, and how callers let it go.
 *
 * Design notes.
 * 1. A thread that Python does not know keeps the thread state that it got in
 *    its first callback until it ends: a new one costs microseconds.
 * 2. `known_state` is what a callback on this thread enters by. So whoever
 *    calls something that may run a callback has let the GIL go before.
 * 3. Once lares_py_end was called no thread asks for the GIL any more: CPython
 *    ends foreign threads that ask a closing interpreter.
 */
#include "_trampoline.h"

#include <pthread.h>
#include <stdatomic.h>

static atomic_int ending;
static pthread_key_t kept_key;
static _Thread_local PyThreadState *known_state;

/* The thread ends. Mostly CPython's own key is cleared by now, so it does not
 * know the thread, and its debug allocator asks: another state stands in. To
 * delete a state may clear the key again, so both are cleared before. */
static void kept_drop(void *kept)
{
    PyThreadState *state = kept, *current;

    if (atomic_load(&ending))
        return;
    (void)PyGILState_Ensure();
    current = PyThreadState_Get();
    PyThreadState_Clear(state);
    if (current != state) {
        PyThreadState_Clear(current);
        PyThreadState_Delete(state);
    }
    PyThreadState_DeleteCurrent();
}

int lares__py_thread_bind(void)
{
    static int bound;

    if (!bound && pthread_key_create(&kept_key, kept_drop) != 0) {
        PyErr_SetString(PyExc_RuntimeError, "no thread key is left");
        return -1;
    }
    bound = 1;
    return 0;
}

/* Take the GIL for a callback; 0 when the interpreter is ending. Hot. */
int lares__py_enter(struct lares__py_gil *gil)
{
    if (atomic_load_explicit(&ending, memory_order_relaxed))
        return 0;
    gil->known = known_state;
    if (gil->known != NULL) {
        PyEval_RestoreThread(gil->known);
    } else if (PyGILState_GetThisThreadState() != NULL) {
        gil->state = PyGILState_Ensure();
    } else {
        (void)PyGILState_Ensure(); /* never released: the state is kept */
        gil->known = known_state = PyThreadState_Get();
        (void)pthread_setspecific(kept_key, known_state);
    }
    return 1;
}

void lares__py_leave(const struct lares__py_gil *gil)
{
    if (gil->known != NULL)
        (void)PyEval_SaveThread();
    else
        PyGILState_Release(gil->state);
}

/* Let the GIL go around a call that may run a callback on this thread, and
 * let that one enter as quickly as a lane does. Hot. */
PyThreadState *lares__py_gil_release(void)
{
    PyThreadState *outer = known_state;

    known_state = PyEval_SaveThread();
    return outer;
}

void lares__py_gil_regain(PyThreadState *outer)
{
    PyThreadState *state = known_state;

    known_state = outer;
    PyEval_RestoreThread(state);
}

/* To free a ticket may end a node without lanes and release kinds: callbacks,
 * which must neither find the GIL taken nor an exception on its way. */
void lares__py_pause(struct lares__py_pause *pause)
{
    PyErr_Fetch(&pause->type, &pause->value, &pause->traceback);
    pause->outer = lares__py_gil_release();
}

void lares__py_resume(struct lares__py_pause *pause)
{
    lares__py_gil_regain(pause->outer);
    PyErr_Restore(pause->type, pause->value, pause->traceback);
}

void lares_py_end(void)
{
    atomic_store(&ending, 1);
}
