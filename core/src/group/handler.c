#include "group/handler.h"

#include "base/alloc.h"
#include "base/error.h"
#include "daemon/call.h"

#include <string.h>

lares_status lares__handler_new(const char *name, lares_recovery_fn fn,
                                void *user, lares_release_fn release,
                                struct lares__handler **out)
{
    struct lares__handler *handler;

    if (name != NULL && lares__handler_check(name) < 0)
        return LARES_ENAME;
    handler = lares__calloc(1, sizeof *handler);
    if (handler == NULL)
        return lares__error(LARES_ENOMEM, "no memory for a recovery handler");
    strcpy(handler->name, name != NULL ? name : "handler");
    handler->fn = fn;
    handler->user = user;
    handler->release = release;
    handler->watch = LARES__HANDLER_FRESH;
    *out = handler;
    return LARES_OK;
}

void lares__handler_free(struct lares__handler *handler)
{
    if (handler != NULL)
        lares__free(handler->text);
    lares__free(handler);
}

void lares__handlers_free(struct lares__handler *first)
{
    while (first != NULL) {
        struct lares__handler *next = first->next;

        lares__handler_free(first);
        first = next;
    }
}

void lares__handler_discard(lares_release_fn release, void *user)
{
    struct lares_call none = {0};
    struct lares_call *before;

    if (release == NULL)
        return;
    before = lares__call_enter(&none);
    release(user);
    lares__call_leave(before);
}

int lares__handler_claim(struct lares__handler *handler)
{
    int gone = LARES__HANDLER_GONE;

    return atomic_compare_exchange_strong(&handler->state, &gone,
                                          LARES__HANDLER_RELEASED);
}

/* -- lists ---------------------------------------------------------------- */

void lares__handlers_append(struct lares__handlers *list,
                            struct lares__handler *handler)
{
    if (list->last == NULL)
        list->first = handler;
    else
        list->last->next = handler;
    list->last = handler;
}

void lares__handlers_unlink(struct lares__handlers *list,
                            struct lares__handler *handler)
{
    struct lares__handler **place = &list->first;
    struct lares__handler *before = NULL;

    while (*place != handler) {
        before = *place;
        place = &before->next;
    }
    *place = handler->next;
    handler->next = NULL;
    if (list->last == handler)
        list->last = before;
}

struct lares__handler *lares__handlers_sweep(struct lares__handlers *list,
                                             uint32_t count)
{
    struct lares__handler **place = &list->first;
    struct lares__handler *before = NULL;
    struct lares__handler *swept = NULL;

    while (count > 0) {
        struct lares__handler *handler = *place;

        if (lares__handler_lives(handler)) {
            before = handler;
            place = &handler->next;
            continue;
        }
        *place = handler->next;
        if (list->last == handler)
            list->last = before;
        handler->next = swept;
        swept = handler;
        count--;
    }
    return swept;
}

struct lares__handler *lares__handlers_find(const struct lares__handlers *list,
                                            uint64_t id)
{
    struct lares__handler *handler = list->first;

    while (handler != NULL && handler->id < id)
        handler = handler->next;
    if (handler == NULL || handler->id != id || !lares__handler_lives(handler))
        return NULL;
    return handler;
}
