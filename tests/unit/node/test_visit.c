#include "support/house.h"

#include "base/base64.h"
#include "node/visit.h"

#include <stdlib.h>

/* -- fixture: a node and a visit that notes what it is answered ------------ */

static struct lares__visit visit;
static char heard[400000]; /* since the last line that was said */
static size_t heard_len;
static lares_node *node;
static lares_daemon *counter_daemon;

static lares_status heard_add(void *context, const char *line, size_t len)
{
    (void)context;
    check(heard_len + len < sizeof heard);
    memcpy(heard + heard_len, line, len);
    heard_len += len;
    heard[heard_len] = '\0';
    return LARES_OK;
}

static lares_status say_bytes(const char *line, size_t len)
{
    heard_len = 0;
    heard[0] = '\0';
    return lares__visit_line(&visit, line, len);
}

static lares_status tell(const char *line)
{
    return say_bytes(line, strlen(line));
}

static void visit_open(lares_node *of)
{
    visit = (struct lares__visit){.node = of, .answer = {.send = heard_add}};
}

/* -- a kind that can snapshot --------------------------------------------- */

static lares_verdict count_create(lares_call *call, lares_daemon *daemon,
                                  void **out, void *user)
{
    (void)call;
    (void)daemon;
    (void)user;
    *out = calloc(1, sizeof(uint64_t));
    return LARES_DONE;
}

static lares_verdict count_process(lares_call *call, void *instance)
{
    uint64_t *count = instance;
    const lares_event *event;

    while ((event = lares_call_next(call)) != NULL) {
        if (event->len > 0 && *(const char *)event->data == '!') {
            lares_call_fail(call, "boom");
            return LARES_FAILED;
        }
        ++*count;
        lares_call_emit(call, NULL, count, sizeof *count);
    }
    return LARES_DONE;
}

static lares_verdict count_snapshot(lares_call *call, void *instance)
{
    lares_call_state(call, instance, sizeof(uint64_t));
    return LARES_DONE;
}

static lares_verdict count_restore(lares_call *call, uint32_t version,
                                   const void *data, size_t len, void *instance)
{
    (void)call;
    (void)version;
    if (len != sizeof(uint64_t))
        return LARES_FAILED;
    memcpy(instance, data, len);
    return LARES_DONE;
}

static void counters_add(lares_node *to)
{
    static const lares_daemon_ops ops = {.size = sizeof ops,
                                         .create = count_create,
                                         .destroy = free,
                                         .process = count_process,
                                         .snapshot = count_snapshot,
                                         .restore = count_restore};

    check_ok(lares_node_register(to, "counter", NULL, &ops, NULL, NULL));
}

static int visit_setup(void **state)
{
    int rc = house_setup(state);

    node = node_open("1");
    counters_add(node);
    counter_daemon = spawn(node, "counter", options("name", "c"));
    visit_open(node);
    return rc;
}

static int visit_teardown(void **state)
{
    lares__visit_fini(&visit);
    lares_daemon_free(counter_daemon);
    node_close(node);
    return house_teardown(state);
}

#define visit_test(test)                                                       \
    cmocka_unit_test_setup_teardown(test, visit_setup, visit_teardown)

/* -- tools ---------------------------------------------------------------- */

static int heard_is(const char *part)
{
    if (strstr(heard, part) != NULL)
        return 1;
    print_error("\"%s\" is not in: %s\n", part, heard);
    return 0;
}

/* Says a verb with arguments that are about the counter. */
static lares_status about(const char *verb, const char *more)
{
    char line[256];

    (void)snprintf(line, sizeof line,
                   "{\"id\":7,\"verb\":\"%s\",\"args\":{\"daemon\":"
                   "\"%016" PRIx64 "\"%s}}",
                   verb, lares_daemon_origin(counter_daemon), more);
    return tell(line);
}

static void check_refused(const char *line, const char *name,
                          const char *detail)
{
    check_ok(tell(line));
    check(heard_is("\"error\":{\"code\":-"));
    check(heard_is(name));
    check(heard_is(detail));
}

/* -- lines ---------------------------------------------------------------- */

static void test_visit__answers_under_the_id_that_asked(void **state)
{
    (void)state;
    check_ok(tell("{\"id\":9007199254740992,\"verb\":\"report\","
                  "\"args\":{\"what\":\"kinds\"}}"));
    check(heard_is("{\"id\":9007199254740992,\"item\":{\"name\":\"counter\","));
    check(heard_is("{\"id\":9007199254740992,\"ok\":{}}\n"));
    check_ok(tell("  {\"verb\":\"report\",\"id\":0} \t\r"));
    check(heard_is("\"origin\":\""));
    check(heard_is("{\"id\":0,\"ok\":{}}\n"));
}

static void test_visit__refuses_what_is_no_request(void **state)
{
    static const char *const lines[] = {
        "",
        " ",
        "report",
        "[]",
        "1",
        "{",
        "{}",
        "{\"id\":1}",
        "{\"id\":1,\"verb\":7}",
        "{\"id\":-1,\"verb\":\"report\"}",
        "{\"id\":1.5,\"verb\":\"report\"}",
        "{\"id\":\"1\",\"verb\":\"report\"}",
        "{\"id\":9007199254740994,\"verb\":\"report\"}",
        "{\"id\":1e400,\"verb\":\"report\"}",
        "{\"id\":1,\"verb\":\"report\",\"args\":[]}",
        "{\"id\":1,\"verb\":\"report\"}{\"id\":2,\"verb\":\"report\"}",
        "{\"id\":1,\"verb\":\"report\"} x",
        "{\"id\":1,\"verb\":\"rep\\u0000ort\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        check_refused(lines[i], "EFORMAT", "\"detail\":\"");
    check_ok(say_bytes("{\"id\":1,\0\"verb\":\"report\"}", 25));
    check(heard_is("EFORMAT"));
    check_ok(tell("{\"id\":1,\"verb\":\"report\"}"));
    check(heard_is("\"ok\""));
}

/* Objects in objects: `depth` in all, of which one is the line's own. */
static lares_status nested(int depth)
{
    char line[256] = "{\"id\":1,\"verb\":\"report\",\"more\":";

    for (int i = 1; i < depth; i++)
        strcat(line, "[");
    for (int i = 1; i < depth; i++)
        strcat(line, "]");
    strcat(line, "}");
    return tell(line);
}

static void test_visit__ends_over_deep_nesting(void **state)
{
    (void)state; /* id: NO03 */
    check_ok(nested(16));
    check(heard_is("\"ok\""));
    check_status(nested(17), LARES_ELIMIT);
    check(heard_is("\"id\":0,\"error\":{\"code\":-36,\"name\":\"ELIMIT\""));
    check_ok(tell("{\"id\":1,\"verb\":\"[[[[[[[[[[[[[[[[[[[[\\\"{{{{\"}"));
    check(heard_is("ENOTFOUND"));
}

static void test_visit__names_what_an_argument_must_be(void **state)
{
    (void)state;
    check_refused("{\"id\":1,\"verb\":\"dance\"}", "ENOTFOUND", "'dance'");
    check_refused("{\"id\":1,\"verb\":\"report\",\"args\":{\"wath\":1}}",
                  "EOPTION", "'wath'");
    check_refused("{\"id\":1,\"verb\":\"report\",\"args\":{\"what\":1}}",
                  "EINVAL", "`what`");
    check_refused("{\"id\":1,\"verb\":\"report\",\"args\":{\"what\":\"x\"}}",
                  "ENOTFOUND", "'x'");
    check_refused("{\"id\":1,\"verb\":\"restart\"}", "EINVAL", "`daemon`");
    check_refused("{\"id\":1,\"verb\":\"restart\",\"args\":{\"daemon\":"
                  "\"00000000000000zz\"}}",
                  "EINVAL", "16 hex digits");
    check_refused("{\"id\":1,\"verb\":\"restart\",\"args\":{\"daemon\":"
                  "\"00000000000000001\"}}",
                  "EINVAL", "16 hex digits");
    check_refused("{\"id\":1,\"verb\":\"restart\",\"args\":{\"daemon\":"
                  "\"0000000000000001\"}}",
                  "ENOTFOUND", "0000000000000001");
    check_refused("{\"id\":1,\"verb\":\"letter\"}", "EINVAL", "`do`");
    check_refused("{\"id\":1,\"verb\":\"letter\",\"args\":{\"do\":\"drop\","
                  "\"id\":-4}}",
                  "EINVAL", "`id`");
    check_ok(about("stop", ",\"grace_ms\":3600001"));
    check(heard_is("ERANGE"));
    check(heard_is("3600000"));
}

/* -- verbs ---------------------------------------------------------------- */

static void test_visit__numbers_are_whole_in_every_row(void **state)
{
    (void)state;
    check_ok(tell("{\"id\":1,\"verb\":\"report\",\"args\":"
                  "{\"what\":\"records\"}}"));
    check(heard_is("\"time\":1")); /* ns need more digits than a double has */
    check(strstr(heard, "e+") == NULL);
}

static void test_visit__sends_text_and_bytes(void **state)
{
    (void)state;
    check_ok(about("send", ",\"text\":\"a\""));
    check(heard_is("{\"id\":7,\"ok\":{}}\n"));
    check_ok(about("send", ",\"base64\":\"AAE=\",\"timeout_ms\":0"));
    check_ok(about("send", ",\"text\":\"\""));
    check(heard_is("\"ok\""));
    eventually(daemon_fact(node, "c", "inputs") == 3);
    check_ok(about("send", ""));
    check(heard_is("EINVAL"));
    check_ok(about("send", ",\"text\":\"a\",\"base64\":\"AAE=\""));
    check(heard_is("EINVAL"));
    check_ok(about("send", ",\"base64\":\"AAE\""));
    check(heard_is("base64"));
    check_u64(daemon_fact(node, "c", "inputs"), 3);
}

static lares_status piece(const char *base64, const char *end)
{
    char line[256];

    (void)snprintf(line, sizeof line,
                   "{\"id\":3,\"verb\":\"send\",\"args\":{\"daemon\":"
                   "\"%016" PRIx64 "\",\"base64\":\"%s\"}%s}",
                   lares_daemon_origin(counter_daemon), base64, end);
    return tell(line);
}

static void test_visit__pieces_make_one_payload(void **state)
{
    lares_bytes *data = NULL;

    (void)state;
    check_ok(piece("IWE=", ",\"more\":true"));
    check_str(heard, "");
    check_ok(piece("YmM=", ",\"more\":true"));
    check_str(heard, "");
    check_ok(piece("ZA==", ""));
    check(heard_is("{\"id\":3,\"ok\":{}}\n"));
    eventually(rows_count(node, "letters") == 1);
    check_ok(lares_letter_data(node, 1, &data));
    check_u64(lares_bytes_len(data), 5);
    check_mem(lares_bytes_data(data), "!abcd", 5);
    lares_bytes_free(data);
}

static void test_visit__ends_when_a_piece_is_refused(void **state)
{
    (void)state;
    check_status(tell("{\"id\":1,\"verb\":\"report\",\"more\":true}"),
                 LARES_EINVAL);
    check_status(piece("????", ",\"more\":true"), LARES_EINVAL);
    check_ok(piece("YmM=", ",\"more\":true"));
    check_status(about("send", ",\"text\":\"other id\""), LARES_EPHASE);
    check(heard_is("request 3"));
}

static void test_visit__has_a_bound_for_pieces(void **state)
{
    static const char head[] = "{\"id\":1,\"verb\":\"restore\",\"args\":"
                               "{\"base64\":\"";
    size_t len = 4 * 1024 * 1024;
    char *line = malloc(sizeof head + len + 32);
    lares_status rc = LARES_OK;
    uint64_t bytes = 0;

    (void)state; /* id: NO03 */
    check(line != NULL);
    strcpy(line, head);
    memset(line + strlen(head), 'A', len);
    strcpy(line + strlen(head) + len, "\"},\"more\":true}");
    for (; rc == LARES_OK; bytes += len / 4 * 3)
        rc = tell(line);
    free(line);
    check_status(rc, LARES_ELIMIT);
    check(bytes > LARES__STAGE_MAX && bytes - len < LARES__STAGE_MAX);
}

/* The bytes of the items that were heard. */
static size_t heard_data(uint8_t *out)
{
    const char *at = heard;
    size_t used = 0;

    while ((at = strstr(at, "\"base64\":\"")) != NULL) {
        const char *end;
        size_t len = 0;

        at += strlen("\"base64\":\"");
        end = strchr(at, '"');
        check(lares__base64_decode(at, (size_t)(end - at), out + used, &len));
        used += len;
    }
    return used;
}

static void restore_say(const uint8_t *image, size_t len, const char *more)
{
    static char line[65536];
    size_t used = (size_t)sprintf(line,
                                  "{\"id\":5,\"verb\":\"restore\","
                                  "\"args\":{%s\"base64\":\"",
                                  more);

    lares__base64_encode(image, len, line + used);
    strcpy(line + used + LARES__BASE64_LEN(len), "\"}}");
    check_ok(tell(line));
}

static void test_visit__an_image_goes_out_and_comes_in(void **state)
{
    static uint8_t image[65536];
    char origin[64];
    size_t len;

    (void)state;
    check_ok(say(counter_daemon, "a", 0));
    eventually(daemon_fact(node, "c", "inputs") == 1);
    check_ok(about("snapshot", ""));
    check(heard_is("{\"id\":7,\"ok\":{}}\n"));
    len = heard_data(image);
    check(len > 360 && memcmp(image, "LARS", 4) == 0);
    restore_say(image, len, "");
    check(heard_is("EEXIST"));
    check_ok(about("stop", ",\"grace_ms\":0"));
    check(heard_is("\"ok\""));
    restore_say(image, len, "");
    (void)snprintf(origin, sizeof origin,
                   "{\"id\":5,\"item\":{\"origin\":\"%016" PRIx64 "\"}}\n",
                   lares_daemon_origin(counter_daemon));
    check(heard_is(origin));
    check(heard_is("{\"id\":5,\"ok\":{}}\n"));
    check_u64(daemon_fact(node, "c", "sequence"), 1);
}

static void test_visit__an_identity_comes_with_its_seed(void **state)
{
    static uint8_t image[65536], seed[32];
    char more[128], text[LARES__BASE64_LEN(32) + 1] = "";
    lares_node *other = node_open("1");
    lares_daemon *daemon = NULL;
    lares_bytes *bytes = NULL;
    lares_key *key = NULL;
    size_t len;

    (void)state;
    counters_add(other);
    memset(seed, 7, sizeof seed);
    check_ok(lares_key_new(seed, sizeof seed, &key));
    check_ok(lares_node_spawn(other, "counter", key, NULL, &daemon));
    check_ok(lares_daemon_snapshot(daemon, 1000, &bytes));
    len = lares_bytes_len(bytes);
    memcpy(image, lares_bytes_data(bytes), len);
    lares_bytes_free(bytes);
    lares_daemon_free(daemon);
    lares_key_free(key);
    node_close(other);

    restore_say(image, len, "");
    check(heard_is("EKEY"));
    restore_say(image, len, "\"seed\":\"AAAA\",");
    check(heard_is("EINVAL"));
    check(heard_is("32 bytes"));
    lares__base64_encode(seed, sizeof seed, text);
    (void)snprintf(more, sizeof more, "\"seed\":\"%s\",", text);
    restore_say(image, len, more);
    check(heard_is("\"ok\""));
    restore_say(image, 0, more);
    check(heard_is("EFORMAT"));
}

/* The image goes on behind the answer, and is of the very end. */
static void test_visit__stops_into_an_image(void **state)
{
    static uint8_t image[65536];
    size_t len;

    (void)state;
    check_ok(about("stop", ",\"image\":1"));
    check(heard_is("neither true nor false"));
    check_ok(say(counter_daemon, "a", 0));
    check_ok(about("stop", ",\"image\":true"));
    check(heard_is("{\"id\":7,\"ok\":{}}\n"));
    len = heard_data(image);
    check_u64(rows_count(node, "daemons"), 0);
    restore_say(image, len, "");
    check_u64(daemon_fact(node, "c", "sequence"), 1);
    check_ok(about("stop", ",\"image\":false"));
    check_str(heard, "{\"id\":7,\"ok\":{}}\n");
}

static void test_visit__restarts_and_stops(void **state)
{
    (void)state;
    check_ok(about("restart", ""));
    check(heard_is("\"ok\""));
    eventually(daemon_fact(node, "c", "rebuilds") == 1);
    check_ok(about("stop", ""));
    check(heard_is("\"ok\""));
    check_u64(rows_count(node, "daemons"), 0);
    check_ok(about("stop", ""));
    check(heard_is("ENOTFOUND"));
}

static void letter_say(const char *what, const char *id)
{
    char line[128];

    (void)snprintf(line, sizeof line,
                   "{\"id\":4,\"verb\":\"letter\",\"args\":{\"do\":\"%s\","
                   "\"id\":%s}}",
                   what, id);
    check_ok(tell(line));
}

static void test_visit__hands_out_replays_and_drops_letters(void **state)
{
    (void)state;
    check_ok(say(counter_daemon, "!1", 0));
    eventually(rows_count(node, "letters") == 1);
    letter_say("data", "1");
    check_str(heard, "{\"id\":4,\"item\":{\"base64\":\"ITE=\"}}\n"
                     "{\"id\":4,\"ok\":{}}\n");
    letter_say("data", "2");
    check(heard_is("ENOTFOUND"));
    letter_say("replay", "1");
    check(heard_is("\"ok\""));
    eventually(counter(node, "dead_letters_total", NULL) == 2);
    letter_say("drop", "1");
    check(heard_is("ENOTFOUND"));
    letter_say("drop", "0");
    check(heard_is("\"ok\""));
    check_u64(rows_count(node, "letters"), 0);
}

static lares_verdict recover_two(lares_call *call, void *user)
{
    (void)user;
    lares_call_recovered(call, 0, 4);
    lares_call_recovered(call, 9, 5);
    return LARES_DONE;
}

static void test_visit__recovers(void **state)
{
    lares_recovery *recovery = NULL;

    (void)state;
    check_ok(lares_node_recovery(node, &recovery));
    check_ok(lares_recovery_register(recovery, "two", recover_two, NULL, NULL,
                                     NULL, NULL));
    do /* a tick may be at it */
        check_ok(tell("{\"id\":1,\"verb\":\"recover\"}"));
    while (strstr(heard, "EBUSY") != NULL);
    check(heard_is("\"slot\":4}}\n"));
    check(heard_is("\"slot\":5}}\n"));
    check(heard_is("\"ok\""));
    lares_recovery_free(recovery);
}

/* Long texts are cut, so that every answer is a line that may be sent. */
static lares_verdict complain(lares_call *call, void *instance)
{
    static char text[16000];

    (void)instance;
    memset(text, 1, sizeof text - 1);
    (void)lares_call_next(call);
    lares_call_fail(call, text);
    return LARES_FAILED;
}

static void test_visit__no_line_is_longer_than_a_line(void **state)
{
    lares_daemon *daemon;

    (void)state;
    kind_add(node, "loud", complain, NULL);
    daemon = spawn(node, "loud", options("name", "loud"));
    check_ok(say(daemon, "a", 0));
    eventually(*daemon_text(node, "loud", "error") != '\0');
    check_ok(tell("{\"id\":1,\"verb\":\"report\"}"));
    check(heard_len > 1024);
    for (const char *at = heard; *at != '\0';) {
        const char *end = strchr(at, '\n');

        check(end - at <= 65536);
        at = end + 1;
    }
    lares_daemon_free(daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        visit_test(test_visit__answers_under_the_id_that_asked),
        visit_test(test_visit__refuses_what_is_no_request),
        visit_test(test_visit__ends_over_deep_nesting),
        visit_test(test_visit__names_what_an_argument_must_be),
        visit_test(test_visit__numbers_are_whole_in_every_row),
        visit_test(test_visit__sends_text_and_bytes),
        visit_test(test_visit__pieces_make_one_payload),
        visit_test(test_visit__ends_when_a_piece_is_refused),
        visit_test(test_visit__has_a_bound_for_pieces),
        visit_test(test_visit__an_image_goes_out_and_comes_in),
        visit_test(test_visit__an_identity_comes_with_its_seed),
        visit_test(test_visit__stops_into_an_image),
        visit_test(test_visit__restarts_and_stops),
        visit_test(test_visit__hands_out_replays_and_drops_letters),
        visit_test(test_visit__recovers),
        visit_test(test_visit__no_line_is_longer_than_a_line),
    };

    return check_run(tests);
}
