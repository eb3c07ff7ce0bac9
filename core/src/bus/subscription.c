#include "bus/subscription.h"

#include "base/alloc.h"
#include "daemon/name.h"

#include <assert.h>
#include <string.h>

struct entry {
    void *receiver;
    char *group; /* NULL: none */
};

/* One token of patterns; a wildcard is a token like any other:
 *
 *     root - a - *      a.*
 *              - b - >  a.b.>
 *
 * Every node but a new one has entries or children. The depth is that of a
 * pattern, 16 tokens, so recursion is bounded. */
struct lares__trie {
    struct lares__trie *parent;    /* NULL: this is the root */
    struct lares__trie **children; /* ascending by token */
    struct entry *entries;         /* the pattern ends here; oldest first */
    uint32_t child_count;
    uint32_t child_room;
    uint32_t entry_count;
    uint32_t entry_room;
    uint8_t token_len; /* 0: this is the root */
    char token[];
};

/* An array with room for one more item; NULL without memory, and then the old
 * one stands. */
static void *array_grow(void *array, uint32_t count, uint32_t *room,
                        size_t size)
{
    uint32_t wanted = 2 * *room + 1;
    void *grown;

    if (count < *room)
        return array;
    grown = lares__realloc(array, wanted * size);
    if (grown != NULL)
        *room = wanted;
    return grown;
}

static int token_order(const struct lares__trie *node, const char *token,
                       size_t len)
{
    size_t shorter = node->token_len < len ? node->token_len : len;
    int order = memcmp(node->token, token, shorter);

    return order != 0 ? order : (int)node->token_len - (int)len;
}

/* the first child that is not below the token */
static uint32_t trie_place(const struct lares__trie *node, const char *token,
                           size_t len)
{
    uint32_t low = 0;
    uint32_t high = node->child_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (token_order(node->children[middle], token, len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* the child of a token, or NULL */
static struct lares__trie *trie_child(const struct lares__trie *node,
                                      const char *token, size_t len)
{
    uint32_t place = trie_place(node, token, len);

    if (place == node->child_count ||
        token_order(node->children[place], token, len) != 0)
        return NULL;
    return node->children[place];
}

static struct lares__trie *trie_new(struct lares__trie *parent,
                                    const char *token, size_t len)
{
    struct lares__trie *node = lares__alloc(sizeof *node + len);

    if (node == NULL)
        return NULL;
    *node = (struct lares__trie){.parent = parent, .token_len = (uint8_t)len};
    memcpy(node->token, token, len);
    return node;
}

/* memory of one node, which is in no other's children any more */
static void trie_free(struct lares__trie *node)
{
    for (uint32_t i = 0; i < node->entry_count; i++)
        lares__free(node->entries[i].group);
    lares__free(node->entries);
    lares__free(node->children);
    lares__free(node);
}

static struct lares__trie *trie_child_add(struct lares__trie *node,
                                          const char *token, size_t len)
{
    uint32_t place = trie_place(node, token, len);
    struct lares__trie **children =
        array_grow(node->children, node->child_count, &node->child_room,
                   sizeof(struct lares__trie *));
    struct lares__trie *child;

    if (children == NULL)
        return NULL;
    node->children = children;
    child = trie_new(node, token, len);
    if (child == NULL)
        return NULL;
    memmove(children + place + 1, children + place,
            (node->child_count - place) * sizeof *children);
    children[place] = child;
    node->child_count++;
    return child;
}

static void trie_child_remove(struct lares__trie *node,
                              const struct lares__trie *child)
{
    uint32_t place = trie_place(node, child->token, child->token_len);
    struct lares__trie **at = node->children + place;

    assert(*at == child);
    node->child_count--;
    memmove(at, at + 1, (node->child_count - place) * sizeof *at);
}

/* frees a node that holds nothing, and those above that then hold nothing */
static void trie_prune(struct lares__subscriptions *subscriptions,
                       struct lares__trie *node)
{
    while (node != NULL && node->entry_count == 0 && node->child_count == 0) {
        struct lares__trie *parent = node->parent;

        if (parent != NULL)
            trie_child_remove(parent, node);
        else
            subscriptions->root = NULL;
        trie_free(node);
        node = parent;
    }
}

static int groups_equal(const char *group, const char *other)
{
    if (group == NULL || other == NULL)
        return group == other;
    return strcmp(group, other) == 0;
}

/* the index of an entry, or the count without it */
static uint32_t trie_entry(const struct lares__trie *node, const char *group,
                           const void *receiver)
{
    uint32_t i;

    for (i = 0; i < node->entry_count; i++) {
        const struct entry *entry = &node->entries[i];

        if (entry->receiver == receiver && groups_equal(entry->group, group))
            break;
    }
    return i;
}

static lares_status trie_entry_add(struct lares__trie *node, const char *group,
                                   void *receiver)
{
    struct entry *entries = array_grow(node->entries, node->entry_count,
                                       &node->entry_room, sizeof *entries);
    char *copy = NULL;

    if (entries == NULL)
        return LARES_ENOMEM;
    node->entries = entries;
    if (group != NULL && (copy = lares__strdup(group)) == NULL)
        return LARES_ENOMEM;
    entries[node->entry_count++] = (struct entry){receiver, copy};
    return LARES_OK;
}

void lares__subscriptions_init(struct lares__subscriptions *subscriptions)
{
    subscriptions->root = NULL;
}

static void trie_free_all(struct lares__trie *node)
{
    for (uint32_t i = 0; i < node->child_count; i++)
        trie_free_all(node->children[i]);
    trie_free(node);
}

void lares__subscriptions_fini(struct lares__subscriptions *subscriptions)
{
    if (subscriptions->root != NULL)
        trie_free_all(subscriptions->root);
    subscriptions->root = NULL;
}

/* the text behind a token, NULL behind the last */
static const char *token_next(const char *token, size_t len)
{
    return token[len] == '\0' ? NULL : token + len + 1;
}

/* The node at which a pattern ends, or the deepest on its way: `rest_out` is
 * what is missing, NULL if nothing is. */
static struct lares__trie *trie_find(struct lares__trie *root,
                                     const char *pattern, const char **rest_out)
{
    struct lares__trie *node = root;

    while (pattern != NULL) {
        size_t len = strcspn(pattern, ".");
        struct lares__trie *child = trie_child(node, pattern, len);

        if (child == NULL)
            break;
        node = child;
        pattern = token_next(pattern, len);
    }
    *rest_out = pattern;
    return node;
}

lares_status
lares__subscriptions_add(struct lares__subscriptions *subscriptions,
                         const char *pattern, const char *group, void *receiver)
{
    struct lares__trie *node;
    const char *rest;

    if (subscriptions->root == NULL)
        subscriptions->root = trie_new(NULL, "", 0);
    if (subscriptions->root == NULL)
        return LARES_ENOMEM;
    node = trie_find(subscriptions->root, pattern, &rest);
    while (rest != NULL) {
        size_t len = strcspn(rest, ".");
        struct lares__trie *child = trie_child_add(node, rest, len);

        if (child == NULL)
            goto fail_node;
        node = child;
        rest = token_next(rest, len);
    }
    if (trie_entry(node, group, receiver) == node->entry_count &&
        trie_entry_add(node, group, receiver) < 0)
        goto fail_node;
    return LARES_OK;

fail_node:
    trie_prune(subscriptions, node);
    return LARES_ENOMEM;
}

void lares__subscriptions_remove(struct lares__subscriptions *subscriptions,
                                 const char *pattern, const char *group,
                                 void *receiver)
{
    struct lares__trie *node;
    struct entry *at;
    const char *rest;
    uint32_t index;

    if (subscriptions->root == NULL)
        return;
    node = trie_find(subscriptions->root, pattern, &rest);
    index = trie_entry(node, group, receiver);
    if (rest != NULL || index == node->entry_count)
        return;
    at = node->entries + index;
    lares__free(at->group);
    node->entry_count--;
    memmove(at, at + 1, (node->entry_count - index) * sizeof *at);
    trie_prune(subscriptions, node);
}

struct match {
    lares__match_fn fn;
    void *context;
};

static lares_status match_entries(const struct match *match,
                                  const struct lares__trie *node)
{
    lares_status rc = LARES_OK;

    for (uint32_t i = 0; rc >= 0 && node != NULL && i < node->entry_count; i++)
        rc = match->fn(match->context, node->entries[i].receiver,
                       node->entries[i].group);
    return rc;
}

/* `channel` is what is left of it below the node, NULL: nothing. `wild`: a
 * wildcard may match its next token. */
static lares_status match_below(const struct match *match,
                                const struct lares__trie *node,
                                const char *channel, int wild)
{
    lares_status rc = LARES_OK;
    const char *rest;
    size_t len;

    if (node == NULL || channel == NULL)
        return match_entries(match, node);
    len = strcspn(channel, ".");
    rest = token_next(channel, len);
    if (wild)
        rc = match_entries(match, trie_child(node, ">", 1));
    if (wild && rc >= 0)
        rc = match_below(match, trie_child(node, "*", 1), rest, 1);
    if (rc >= 0)
        rc = match_below(match, trie_child(node, channel, len), rest, 1);
    return rc;
}

lares_status
lares__subscriptions_match(const struct lares__subscriptions *subscriptions,
                           const char *channel, lares__match_fn fn,
                           void *context)
{
    struct match match = {fn, context};

    return match_below(&match, subscriptions->root, channel,
                       !lares__channel_reserved(channel));
}

struct walk {
    lares__subscription_fn fn;
    void *context;
    char pattern[LARES__CHANNEL_MAX + 1];
};

/* `len`: how much of the pattern is that of the nodes above, dot included */
static lares_status walk_node(struct walk *walk, const struct lares__trie *node,
                              size_t len)
{
    lares_status rc = LARES_OK;

    memcpy(walk->pattern + len, node->token, node->token_len);
    len += node->token_len;
    walk->pattern[len] = '\0';
    for (uint32_t i = 0; rc >= 0 && i < node->entry_count; i++)
        rc = walk->fn(walk->context, node->entries[i].receiver, walk->pattern,
                      node->entries[i].group);
    if (len > 0)
        walk->pattern[len++] = '.';
    for (uint32_t i = 0; rc >= 0 && i < node->child_count; i++)
        rc = walk_node(walk, node->children[i], len);
    return rc;
}

lares_status
lares__subscriptions_each(const struct lares__subscriptions *subscriptions,
                          lares__subscription_fn fn, void *context)
{
    struct walk walk = {fn, context, ""};

    if (subscriptions->root == NULL)
        return LARES_OK;
    return walk_node(&walk, subscriptions->root, 0);
}
