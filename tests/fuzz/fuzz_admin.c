/* What is said to an admin socket: lines, each answered by lines, of a node
 * with one daemon, whose identity the corpus knows. */
#include "fuzz.h"

#include "node/visit.h"

#include <cjson/cJSON.h>

static struct {
    size_t ends; /* of answers: ok or an error */
} heard;

static lares_status answer_check(void *context, const char *line, size_t len)
{
    const char *end = line;
    cJSON *whole;

    (void)context;
    promise(len > 1 && len <= 65537 &&
            memchr(line, '\n', len) == line + len - 1);
    whole = cJSON_ParseWithLengthOpts(line, len, &end, 0);
    promise(whole != NULL && end == line + len - 1);
    promise(cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(whole, "id")));
    heard.ends += cJSON_HasObjectItem(whole, "item") == 0;
    cJSON_Delete(whole);
    return LARES_OK;
}

static lares_verdict swallow(lares_call *call, void *instance)
{
    const lares_event *event;

    (void)instance;
    while ((event = lares_call_next(call)) != NULL)
        if (event->len == 1)
            return LARES_FAILED;
    return LARES_DONE;
}

static lares_verdict save(lares_call *call, void *instance)
{
    lares_call_state(call, instance, 1);
    return LARES_DONE;
}

static lares_verdict load(lares_call *call, uint32_t version, const void *data,
                          size_t len, void *instance)
{
    (void)call;
    (void)version;
    (void)data;
    (void)instance;
    return len == 1 ? LARES_DONE : LARES_FAILED;
}

/* Its daemon has the identity of a seed of zeros. */
static lares_node *node_make(void)
{
    static const lares_daemon_ops ops = {.size = sizeof ops,
                                         .process = swallow,
                                         .snapshot = save,
                                         .restore = load};
    static uint8_t seed[32];
    lares_options *options;
    lares_node *node;
    lares_key *key;

    promise(lares_options_new(&options) == LARES_OK);
    promise(lares_options_set(options, "lanes", "0") == LARES_OK);
    promise(lares_node_new("east", options, &node) == LARES_OK);
    lares_options_free(options);
    promise(lares_node_start(node) == LARES_OK);
    promise(lares_node_register(node, "k", NULL, &ops, seed, NULL) == LARES_OK);
    promise(lares_key_new(seed, sizeof seed, &key) == LARES_OK);
    promise(lares_node_spawn(node, "k", key, NULL, NULL) == LARES_OK);
    lares_key_free(key);
    return node;
}

/* A line has one answer; a piece has one if it is refused. */
static int line_say(struct lares__visit *visit, const uint8_t *data, size_t len)
{
    char *line = (char *)block_new(len);
    lares_status rc;

    memcpy(line, data, len);
    heard.ends = 0;
    rc = lares__visit_line(visit, line, len);
    promise(heard.ends <= 1);
    promise(rc == LARES_OK || heard.ends == 1);
    free(line);
    return rc == LARES_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct lares__visit visit = {.node = node_make(),
                                 .answer = {.send = answer_check}};
    const uint8_t *end;
    int goes_on = 1;

    while (goes_on && len > 0) {
        size_t size;

        end = memchr(data, '\n', len);
        size = end != NULL ? (size_t)(end - data) : len;
        goes_on = line_say(&visit, data, size);
        size += end != NULL;
        data += size;
        len -= size;
    }
    lares__visit_fini(&visit);
    lares_node_free(visit.node);
    return 0;
}
