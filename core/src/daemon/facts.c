#include "daemon/facts.h"

#include "base/error.h"
#include "base/options.h"
#include "base/rows.h"
#include "daemon/image.h"
#include "daemon/keep.h"
#include "daemon/ledger.h"

#include <string.h>

/* Design notes
 * - An image is read as for a restore, so what is told of one has been proved;
 *   but an option that only a newer version knows keeps nobody from asking
 *   whose image it is.
 * - The columns are named as in the tables of a node. */

struct facts {
    struct lares__image image;
    struct lares__ledger ledger;
};

/* -- tables --------------------------------------------------------------- */

static const struct lares__column image_columns[] = {
    {"origin",      LARES_ROWS_ID  },
    {"name",        LARES_ROWS_TEXT},
    {"kind",        LARES_ROWS_TEXT},
    {"version",     LARES_ROWS_U64 },
    {"epoch",       LARES_ROWS_U64 },
    {"sequence",    LARES_ROWS_U64 },
    {"arrival",     LARES_ROWS_U64 },
    {"time",        LARES_ROWS_U64 },
    {"publish",     LARES_ROWS_TEXT},
    {"parked",      LARES_ROWS_U64 },
    {"stateful",    LARES_ROWS_U64 },
    {"state_bytes", LARES_ROWS_U64 },
    {NULL,          0              }
};

static void name_add(lares_rows *rows, const char *name, size_t len)
{
    char copy[LARES__NAME_MAX + 1];

    lares__image_name(copy, name, len);
    lares__rows_text_add(rows, copy);
}

static lares_status report_image(const struct facts *facts, lares_rows *rows)
{
    const struct lares__image *image = &facts->image;

    lares__rows_u64(rows, image->head.link.origin);
    name_add(rows, image->name, image->name_len);
    name_add(rows, image->kind, image->kind_len);
    lares__rows_u64(rows, image->version);
    lares__rows_u64(rows, image->epoch);
    lares__rows_u64(rows, image->head.link.sequence);
    lares__rows_u64(rows, image->arrival);
    lares__rows_u64(rows, image->taken_at);
    lares__rows_text_add(rows, facts->ledger.output);
    lares__rows_u64(rows, image->outbox_count);
    lares__rows_u64(rows, image->has_state != 0);
    lares__rows_u64(rows, image->state_len);
    return LARES_OK;
}

static const struct lares__column subscription_columns[] = {
    {"pattern", LARES_ROWS_TEXT},
    {"group",   LARES_ROWS_TEXT},
    {NULL,      0              }
};

static lares_status report_subscriptions(const struct facts *facts,
                                         lares_rows *rows)
{
    for (uint32_t i = 0; i < lares__ledger_count(&facts->ledger); i++) {
        const struct lares__ledger_entry *entry =
            lares__ledger_at(&facts->ledger, i);

        lares__rows_text_add(rows, entry->pattern);
        lares__rows_text_add(rows, entry->group);
    }
    return LARES_OK;
}

static const struct lares__column option_columns[] = {
    {"key",   LARES_ROWS_TEXT},
    {"value", LARES_ROWS_TEXT},
    {NULL,    0              }
};

static lares_status report_options(const struct facts *facts, lares_rows *rows)
{
    lares_options *options;
    lares_status rc = lares__image_options(&facts->image, &options);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < lares__options_count(options); i++) {
        const char *key;
        const char *value;

        lares__options_at(options, i, &key, &value);
        lares__rows_text_add(rows, key);
        lares__rows_text_add(rows, value);
    }
    lares__options_free(options);
    return LARES_OK;
}

/* ------------------------------------------------------------------------- */

struct table {
    const char *name;
    const struct lares__column *columns;
    lares_status (*fill)(const struct facts *facts, lares_rows *rows);
};

static const struct table *table_find(const char *name)
{
    static const struct table tables[] = {
        {"image",         image_columns,        report_image        },
        {"subscriptions", subscription_columns, report_subscriptions},
        {"options",       option_columns,       report_options      },
    };

    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        if (strcmp(tables[i].name, name) == 0)
            return &tables[i];
    return NULL;
}

static lares_status table_fill(const struct table *table,
                               const struct facts *facts, lares_rows **out)
{
    lares_rows *rows;
    lares_status rc = lares__rows_new(table->columns, &rows);

    if (rc < 0)
        return rc;
    rc = table->fill(facts, rows);
    if (rc < 0) {
        lares__rows_free(rows);
        return rc;
    }
    rc = lares__rows_done(rows);
    if (rc == LARES_OK)
        *out = rows;
    return rc;
}

static lares_status facts_read(const void *data, size_t len,
                               struct facts *facts)
{
    static const struct lares__image_rules rules = {.max = LARES__IMAGE_LIMIT};
    lares_status rc = lares__image_read(data, len, &rules, &facts->image);

    if (rc < 0)
        return rc;
    return lares__ledger_decode(facts->image.ledger, facts->image.ledger_len,
                                &facts->ledger);
}

lares_status lares__facts_report(const void *data, size_t len, const char *what,
                                 lares_rows **out)
{
    const struct table *table = table_find(what);
    struct facts facts;
    lares_status rc;

    if (table == NULL)
        return lares__error(LARES_ENOTFOUND, "no table '%s' of an image", what);
    rc = facts_read(data, len, &facts);
    if (rc < 0)
        return rc;
    rc = table_fill(table, &facts, out);
    lares__ledger_fini(&facts.ledger);
    return rc;
}
