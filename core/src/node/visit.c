#include "node/visit.h"

#include "base/alloc.h"
#include "base/base64.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/rows.h"
#include "chain/envelope.h"
#include "identity/key.h"
#include "node/directory.h"
#include "node/letters.h"
#include "node/program.h"
#include "node/repair.h"
#include "node/report.h"
#include "node/request.h"
#include "node/retire.h"
#include "node/save.h"
#include "node/spawn.h"

#include <string.h>

enum {
    TIME_MAX = 3600000, /* ms that a verb may wait */
    TIME_USUAL = 10000,
    GRACE_USUAL = 5000
};

/* -- payloads in pieces --------------------------------------------------- */

static void stage_clear(struct lares__stage *stage)
{
    lares__free(stage->data);
    *stage = (struct lares__stage){0};
}

static lares_status stage_grow(struct lares__stage *stage, size_t want)
{
    size_t room = stage->room * 2 > want ? stage->room * 2 : want;
    uint8_t *data;

    if (want > LARES__STAGE_MAX)
        return lares__error(LARES_ELIMIT, "more than %d bytes in pieces",
                            LARES__STAGE_MAX);
    if (want <= stage->room && stage->data != NULL) /* 0 bytes are data, too */
        return LARES_OK;
    data = lares__realloc(stage->data, room);
    if (data == NULL)
        return LARES_ENOMEM;
    stage->data = data;
    stage->room = room;
    return LARES_OK;
}

static lares_status stage_text(struct lares__stage *stage, const char *text)
{
    size_t len = strlen(text);
    lares_status rc = stage_grow(stage, stage->len + len);

    if (rc < 0)
        return rc;
    memcpy(stage->data + stage->len, text, len);
    stage->len += len;
    return LARES_OK;
}

static lares_status stage_base64(struct lares__stage *stage, const char *text)
{
    size_t len = strlen(text);
    lares_status rc = stage_grow(stage, stage->len + len / 4 * 3);

    if (rc < 0)
        return rc;
    if (!lares__base64_decode(text, len, stage->data + stage->len, &len))
        return lares__error(LARES_EINVAL, "`base64` is no base64");
    stage->len += len;
    return LARES_OK;
}

/* The payload of a request stands in `text` or `base64`. */
static lares_status stage_add(struct lares__stage *stage,
                              const struct lares__request *request)
{
    const char *text, *base64;
    lares_status rc = lares__request_text(request, "text", &text);

    if (rc == LARES_OK)
        rc = lares__request_text(request, "base64", &base64);
    if (rc < 0)
        return rc;
    if ((text == NULL) == (base64 == NULL))
        return lares__error(LARES_EINVAL, "a payload is `text` or `base64`");
    if (stage->len > 0 && stage->id != request->id)
        return lares__error(LARES_EPHASE, "request %llu has not ended",
                            (unsigned long long)stage->id);
    stage->id = request->id;
    return text != NULL ? stage_text(stage, text) : stage_base64(stage, base64);
}

/* -- verbs ---------------------------------------------------------------- */

/* a reference of the caller's */
static lares_status daemon_find(struct lares__visit *visit,
                                const struct lares__request *request,
                                lares_daemon **out)
{
    uint64_t origin;
    lares_status rc = lares__request_id(request, "daemon", &origin);

    if (rc < 0)
        return rc;
    *out = lares__directory_find(visit->node, origin);
    if (*out == NULL)
        return lares__error(LARES_ENOTFOUND, "no daemon %016llx",
                            (unsigned long long)origin);
    return LARES_OK;
}

static void rows_send(struct lares__visit *visit, lares_rows *rows)
{
    while (visit->answer.rc == LARES_OK && lares__rows_next(rows) == LARES_OK)
        lares__answer_row(&visit->answer, rows);
    lares__rows_free(rows);
}

static lares_status verb_report(struct lares__visit *visit,
                                const struct lares__request *request)
{
    const char *what;
    lares_rows *rows;
    lares_status rc = lares__request_text(request, "what", &what);

    if (rc == LARES_OK)
        rc = lares__node_report(visit->node, what != NULL ? what : "daemons",
                                &rows);
    if (rc == LARES_OK)
        rows_send(visit, rows);
    return rc;
}

static lares_status verb_send(struct lares__visit *visit,
                              const struct lares__request *request)
{
    const struct lares__stage *stage = &visit->stage;
    uint64_t time = TIME_USUAL;
    lares_daemon *daemon;
    lares_status rc =
        lares__request_number(request, "timeout_ms", TIME_MAX, &time);

    if (rc == LARES_OK && stage->len > LARES__PAYLOAD_MAX)
        rc = lares__error(LARES_ETOOBIG, "payload of %zu bytes, at most %d",
                          stage->len, LARES__PAYLOAD_MAX);
    if (rc == LARES_OK)
        rc = daemon_find(visit, request, &daemon);
    if (rc < 0)
        return rc;
    rc = lares__daemon_send(daemon, stage->data, stage->len, (int64_t)time);
    lares__receiver_release(&daemon->receiver);
    return rc;
}

static lares_status image_send(struct lares__visit *visit, lares_bytes *image)
{
    lares__answer_data(&visit->answer, image->data, image->len);
    lares__bytes_free(image);
    return LARES_OK;
}

static lares_status verb_snapshot(struct lares__visit *visit,
                                  const struct lares__request *request)
{
    uint64_t time = TIME_USUAL;
    lares_daemon *daemon;
    lares_bytes *image;
    lares_status rc =
        lares__request_number(request, "timeout_ms", TIME_MAX, &time);

    if (rc == LARES_OK)
        rc = daemon_find(visit, request, &daemon);
    if (rc < 0)
        return rc;
    rc = lares__daemon_snapshot(daemon, (int64_t)time, &image);
    lares__receiver_release(&daemon->receiver);
    return rc < 0 ? rc : image_send(visit, image);
}

/* The identity that a seed makes; NULL without one. */
static lares_status seed_read(const struct lares__request *request,
                              lares_key **out)
{
    uint8_t seed[LARES__BASE64_LEN(LARES__KEY_LEN)];
    const char *text;
    size_t len;
    lares_status rc = lares__request_text(request, "seed", &text);

    *out = NULL;
    if (rc < 0 || text == NULL)
        return rc;
    len = strlen(text);
    if (len != sizeof seed || !lares__base64_decode(text, len, seed, &len) ||
        len != LARES__KEY_LEN)
        rc = lares__error(LARES_EINVAL, "`seed` is not %d bytes in base64",
                          LARES__KEY_LEN);
    else
        rc = lares__key_from_seed(seed, out);
    explicit_bzero(seed, sizeof seed);
    return rc;
}

static lares_status verb_restore(struct lares__visit *visit,
                                 const struct lares__request *request)
{
    const struct lares__stage *stage = &visit->stage;
    lares_daemon *daemon;
    lares_key *key;
    lares_status rc = seed_read(request, &key);

    if (rc < 0)
        return rc;
    rc = lares__node_restore(visit->node, stage->data, stage->len, key, NULL,
                             &daemon);
    lares__key_release(key);
    if (rc < 0)
        return rc;
    lares__answer_origin(&visit->answer, daemon->receiver.origin);
    lares__receiver_release(&daemon->receiver);
    return LARES_OK;
}

static lares_status verb_restart(struct lares__visit *visit,
                                 const struct lares__request *request)
{
    lares_daemon *daemon;
    lares_status rc = daemon_find(visit, request, &daemon);

    if (rc < 0)
        return rc;
    rc = lares__daemon_restart(daemon);
    lares__receiver_release(&daemon->receiver);
    return rc;
}

/* with or without its last image */
static lares_status daemon_end(struct lares__visit *visit, lares_daemon *daemon,
                               int64_t grace, int wants_image)
{
    lares_bytes *image;
    lares_status rc;

    if (!wants_image)
        return lares__daemon_stop(daemon, grace);
    rc = lares__daemon_retire(daemon, grace, &image);
    return rc < 0 ? rc : image_send(visit, image);
}

static lares_status verb_stop(struct lares__visit *visit,
                              const struct lares__request *request)
{
    uint64_t grace = GRACE_USUAL;
    int wants_image;
    lares_daemon *daemon;
    lares_status rc =
        lares__request_number(request, "grace_ms", TIME_MAX, &grace);

    if (rc == LARES_OK)
        rc = lares__request_flag(request, "image", &wants_image);
    if (rc == LARES_OK)
        rc = daemon_find(visit, request, &daemon);
    if (rc < 0)
        return rc;
    rc = daemon_end(visit, daemon, (int64_t)grace, wants_image);
    lares__receiver_release(&daemon->receiver);
    return rc;
}

static lares_status letter_send(struct lares__visit *visit, uint64_t id)
{
    uint64_t receiver;
    lares_bytes *data;
    lares_status rc =
        lares__letters_data(&visit->node->bus.letters, id, &receiver, &data);

    if (rc < 0)
        return rc;
    lares__answer_data(&visit->answer, data->data, data->len);
    lares__bytes_free(data);
    return LARES_OK;
}

static lares_status verb_letter(struct lares__visit *visit,
                                const struct lares__request *request)
{
    struct lares__letters *letters = &visit->node->bus.letters;
    const char *what;
    uint64_t id = 0;
    lares_status rc = lares__request_text(request, "do", &what);

    if (rc == LARES_OK)
        rc = lares__request_number(request, "id", UINT64_MAX, &id);
    if (rc < 0)
        return rc;
    if (what != NULL && strcmp(what, "data") == 0)
        return letter_send(visit, id);
    if (what != NULL && strcmp(what, "replay") == 0)
        return lares__letter_replay(visit->node, id);
    if (what == NULL || strcmp(what, "drop") != 0)
        return lares__error(LARES_EINVAL, "`do` is data, replay or drop");
    if (id != 0)
        return lares__letters_drop(letters, id);
    lares__letters_clear(letters);
    return LARES_OK;
}

static lares_status verb_recover(struct lares__visit *visit,
                                 const struct lares__request *request)
{
    lares_rows *rows;
    lares_status rc = lares__recovery_run(&visit->node->recovery, &rows);

    (void)request;
    if (rc == LARES_OK)
        rows_send(visit, rows);
    return rc;
}

/* -- a line --------------------------------------------------------------- */

static const struct verb {
    const char *name;
    lares_status (*run)(struct lares__visit *visit,
                        const struct lares__request *request);
    int payload; /* it has one, which may come in pieces */
    const char *known[5];
} verbs[] = {
    {"report",   verb_report,   0, {"what"}                                  },
    {"send",     verb_send,     1, {"daemon", "timeout_ms", "text", "base64"}},
    {"snapshot", verb_snapshot, 0, {"daemon", "timeout_ms"}                  },
    {"restore",  verb_restore,  1, {"seed", "text", "base64"}                },
    {"restart",  verb_restart,  0, {"daemon"}                                },
    {"stop",     verb_stop,     0, {"daemon", "grace_ms", "image"}           },
    {"letter",   verb_letter,   0, {"do", "id"}                              },
    {"recover",  verb_recover,  0, {NULL}                                    },
};

static const struct verb *verb_find(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static lares_status request_do(struct lares__visit *visit,
                               const struct lares__request *request)
{
    const struct verb *verb = verb_find(request->verb);
    lares_status rc;

    if (verb == NULL)
        return lares__error(LARES_ENOTFOUND, "no verb '%s'", request->verb);
    if (request->more && !verb->payload)
        return lares__error(LARES_EINVAL, "'%s' does not come in pieces",
                            verb->name);
    rc = lares__request_known(request, verb->known);
    if (rc == LARES_OK && verb->payload)
        rc = stage_add(&visit->stage, request);
    if (rc < 0 || request->more)
        return rc;
    rc = verb->run(visit, request);
    if (verb->payload)
        stage_clear(&visit->stage);
    return rc;
}

/* A piece is not answered, so after one that is refused nobody could tell which
 * answer is whose: the visit is over. */
static lares_status request_answer(struct lares__visit *visit,
                                   const struct lares__request *request)
{
    lares_status rc = request_do(visit, request);

    if (rc < 0)
        lares__answer_error(&visit->answer, rc);
    else if (!request->more)
        lares__answer_ok(&visit->answer);
    if (rc < 0 && (request->more || visit->stage.len > 0))
        return rc;
    return visit->answer.rc;
}

lares_status lares__visit_line(struct lares__visit *visit, const char *line,
                               size_t len)
{
    struct lares__request request;
    lares_status rc;

    lares__error_clear();
    rc = lares__request_parse(&request, line, len);
    visit->answer.id = request.id;
    if (rc == LARES_OK) {
        rc = request_answer(visit, &request);
    } else {
        lares__answer_error(&visit->answer, rc);
        if (rc == LARES_EFORMAT)
            rc = visit->answer.rc; /* the next line may be better */
    }
    lares__request_free(&request);
    return rc;
}

void lares__visit_fini(struct lares__visit *visit)
{
    stage_clear(&visit->stage);
}
