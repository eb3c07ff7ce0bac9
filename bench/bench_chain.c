/* bench_chain.c - what the chain costs an event: row 8. It is linked with the
 * static library, because linking is no public function. */
#include "chain/envelope.h"

#include "bench.h"
#include "floor.h"

#include <string.h>

enum {
    PAYLOAD_MAX = 1024,
    ORIGIN = 7
};

struct chain {
    struct lares__envelope *event;
    size_t len;
    uint64_t last; /* hash of the run before */
};

static void chain_open(void *context)
{
    struct chain *chain = context;

    chain->event = lares__envelope_new(NULL, chain->len, NULL, 0);
    bench_check(chain->event != NULL, "memory");
    memset(chain->event->data, 1, chain->len);
}

static uint64_t linked(struct chain *chain, uint64_t count)
{
    struct lares__head head;

    lares__head_genesis(&head, ORIGIN);
    for (uint64_t i = 0; i < count; i++)
        lares__envelope_link(chain->event, &head, 0);
    return head.hash;
}

static uint64_t hashed(const struct chain *chain, uint64_t count)
{
    union {
        struct lares__link link;
        uint64_t words[(sizeof(struct lares__link) + PAYLOAD_MAX) /
                       sizeof(uint64_t)];
    } image = {.words = {0}};
    struct lares__head head;

    lares__head_genesis(&head, ORIGIN);
    image.link = head.link;
    image.link.parent = head.hash;
    memset(&image.link + 1, 1, chain->len);
    return floor_chain_run(image.words, sizeof image.link + chain->len, count);
}

static void link_run(void *context, uint64_t count)
{
    struct chain *chain = context;

    chain->last = linked(chain, count);
}

static void hash_run(void *context, uint64_t count)
{
    struct chain *chain = context;

    chain->last = hashed(chain, count);
}

/* both ways must come to the same head */
static int link_proved(void *context, uint64_t count)
{
    const struct chain *chain = context;

    return chain->last == hashed(chain, count);
}

static int hash_proved(void *context, uint64_t count)
{
    struct chain *chain = context;

    return chain->last == linked(chain, count);
}

int main(int argc, char **argv)
{
    static const struct bench_subject links = {chain_open, link_proved,
                                               BENCH_CPU};
    static const struct bench_subject hashes = {chain_open, hash_proved,
                                                BENCH_CPU};
    static struct chain small = {.len = 64}, large = {.len = PAYLOAD_MAX};
    static const struct bench_variant variants[] = {
        {"link",       link_run, &links,  &small},
        {"hash",       hash_run, &hashes, &small},
        {"link 1 KiB", link_run, &links,  &large},
        {"hash 1 KiB", hash_run, &hashes, &large},
        {NULL,         NULL,     NULL,    NULL  },
    };

    return bench_main(argc, argv, variants);
}
