/* name.h - how names are spelled. One function for each noun, used everywhere.
 *
 * Each answers OK, or ENAME with a detail that names the value and the rule.
 * Channels and patterns are NATS subjects. */
#ifndef LARES_DAEMON_NAME_H
#define LARES_DAEMON_NAME_H

#include "lares.h"

enum {
    LARES__CHANNEL_MAX = 255, /* bytes of a channel, pattern or group */
    LARES__TOKENS_MAX = 16,
    LARES__HANDLER_NAME = 63 /* bytes of a recovery handler's label */
};

/* 1-16 tokens of A-Z a-z 0-9 _ - / joined by dots; `$` may open the first */
lares_status lares__channel_check(const char *name, size_t *len_out);

/* a channel's name is Lares's own: nobody else publishes there */
int lares__channel_reserved(const char *name);

/* a channel in which a token may be `*` and the last may be `>` */
lares_status lares__pattern_check(const char *pattern);

/* `*` matches one token, `>` one or more, neither a first one that opens with
 * `$`; both arguments are well spelled */
int lares__pattern_matches(const char *pattern, const char *channel);

/* a queue group: one token, without `$` */
lares_status lares__group_check(const char *name);

lares_status lares__kind_check(const char *name);
lares_status lares__daemon_name_check(const char *name);
lares_status lares__node_name_check(const char *name);

/* a label of a recovery handler: UTF-8 without control characters */
lares_status lares__handler_check(const char *name);

#endif
