/* lares.h - daemons that outlive their machine.
 *
 * The one public header: the contract that every binding is built from.
 *
 * Text in is NUL-terminated UTF-8. Bytes in are (data, len), always by these
 * names. Outputs come last and are written only on success. Times are ms;
 * timeout 0 tries, -1 waits for ever. Handles are tickets: free() drops one, in
 * any order, on any thread, NULL too; on a thing that has ended every call
 * answers LARES_ECLOSED.
 *
 * Every function may be called inside a callback, and nothing waits there:
 * publish and send try, and answer LARES_EDEADLK where they would wait; what
 * enters a daemon (deliver, snapshot, retire, pull) answers LARES_EDEADLK at
 * once. A recovery handler may wait, but in the tick of a node without lanes.
 *
 * Own: borrowed = for the call; copied; owned = yours, names its free;
 *      taken = the library's from the moment of the call, whatever the result.
 */
#ifndef LARES_H
#define LARES_H

#ifndef LARES_CDEF
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#endif

#if defined(LARES_CDEF) || defined(SWIG)
#define LARES_API
#define LARES_NODISCARD
#else
#define LARES_API __attribute__((visibility("default")))
#define LARES_NODISCARD __attribute__((warn_unused_result))
#endif

/* -- words -------------------------------------------------------------- */

typedef int32_t lares_status;
typedef int32_t lares_verdict;

/* The only list of codes. Values are never reused; a code enters the list with
 * the first function that can answer it. */
#define LARES_STATUS_MAP(XX)                                                   \
    XX(OK, 0, "ok")                                                            \
    XX(EINVAL, -10, "invalid argument")                                        \
    XX(ENAME, -11, "malformed name")                                           \
    XX(EOPTION, -12, "unknown option")                                         \
    XX(ERANGE, -13, "out of range")                                            \
    XX(ETOOBIG, -14, "too big")                                                \
    XX(EABI, -16, "ABI mismatch")                                              \
    XX(ECLOSED, -20, "already ended")                                          \
    XX(ENOTREADY, -21, "not ready")                                            \
    XX(EEXIST, -22, "exists already")                                          \
    XX(ENOTFOUND, -23, "not found")                                            \
    XX(EBUSY, -24, "busy")                                                     \
    XX(EDEADLK, -25, "would wait inside a callback")                           \
    XX(EPHASE, -26, "wrong state")                                             \
    XX(ESTALE, -27, "superseded")                                              \
    XX(EDONE, -28, "no more")                                                  \
    XX(EFORKED, -29, "process was forked")                                     \
    XX(ENOMEM, -30, "out of memory")                                           \
    XX(EAGAIN, -31, "no room now")                                             \
    XX(ETIMEDOUT, -32, "timed out")                                            \
    XX(EUNKNOWN, -33, "outcome unknown")                                       \
    XX(EDOWN, -35, "daemon not running")                                       \
    XX(ELIMIT, -36, "limit reached")                                           \
    XX(EIO, -37, "i/o failed")                                                 \
    XX(EFORMAT, -40, "malformed bytes")                                        \
    XX(EVERSION, -41, "unknown version")                                       \
    XX(EDIGEST, -42, "digest mismatch")                                        \
    XX(EPARENT, -43, "parent hash mismatch")                                   \
    XX(EGAP, -44, "sequence gap")                                              \
    XX(EORIGIN, -45, "origin mismatch")                                        \
    XX(ESEQUENCE, -47, "sequence exhausted")                                   \
    XX(ESTATELESS, -48, "no state")                                            \
    XX(EMISSING, -49, "part missing")                                          \
    XX(EDENIED, -52, "not authorised")                                         \
    XX(EIDENTITY, -53, "identity mismatch")                                    \
    XX(EKEY, -54, "no private key")                                            \
    XX(ESIGNATURE, -56, "bad signature")                                       \
    XX(ECALLBACK, -60, "callback failed")                                      \
    XX(EQUOTA, -62, "output quota exceeded")                                   \
    XX(ESCRIPT, -64, "script not loadable")                                    \
    XX(ESNAPSHOT, -65, "snapshot failed")                                      \
    XX(ERESTORE, -66, "restore failed")                                        \
    XX(EKIND, -70, "unknown kind")

enum {
#define XX(name, value, text) LARES_##name = value,
    LARES_STATUS_MAP(XX)
#undef XX
};

enum {
    LARES_ABI_MAJOR = 0,
    LARES_ABI_MINOR = 2
};

/* verdicts of a callback */
enum {
    LARES_FAILED = 0, /* what a zeroed return, or a dead interpreter, says */
    LARES_DONE = 1,
    LARES_LOST = 2 /* failed, and the instance is unusable: make a new one */
};

/* kind of an event; grows, so unknown kinds are skipped */
enum {
    LARES_INPUT_EVENT = 1,
    LARES_INPUT_SNAPSHOT = 2, /* pull only: answer with lares_call_state */
    LARES_INPUT_RESTORE = 3   /* pull only: data is the state, of version
                               * `sequence` */
};

/* flags of an event */
enum {
    LARES_EVENT_REPLAY = 1 /* was handled before: its outputs are dropped */
};

/* type of a column */
enum {
    LARES_ROWS_U64 = 1,
    LARES_ROWS_TEXT = 2,
    LARES_ROWS_ID = 3 /* u64, shown as 16 hex digits */
};

typedef struct lares_node lares_node;
typedef struct lares_daemon lares_daemon;
typedef struct lares_inbox lares_inbox;
typedef struct lares_recovery lares_recovery;
typedef struct lares_world lares_world;
typedef struct lares_key lares_key;
typedef struct lares_call lares_call; /* one crossing, borrowed */
typedef struct lares_chain lares_chain;
typedef struct lares_options lares_options;
typedef struct lares_bytes lares_bytes;
typedef struct lares_events lares_events;
typedef struct lares_rows lares_rows;

/* Seen by pointer and made by Lares, so it may grow at its tail. Valid until
 * the next lares_call_next or lares_events_next. A binding may rebuild one from
 * copied values for lares_chain_check. */
typedef struct lares_event {
    uint64_t origin; /* 0: an input outside every chain (a timer) */
    uint64_t sequence;
    uint64_t parent;
    uint64_t horizon;     /* sketch of what its emitter had observed */
    uint64_t hash;        /* of link and data: the parent of its successor */
    uint64_t arrival;     /* position in the receiver's mailbox, 0 elsewhere */
    uint64_t received_at; /* unix ns; the only clock for state */
    const void *data;
    size_t len;
    const char *channel; /* NULL: sent or delivered directly */
    uint32_t kind;
    uint32_t flags; /* unknown bits are ignored */
} lares_event;

typedef void (*lares_release_fn)(void *user);
typedef lares_verdict (*lares_create_fn)(lares_call *call, lares_daemon *daemon,
                                         void **instance_out, void *user);
typedef void (*lares_destroy_fn)(void *instance);
typedef lares_verdict (*lares_process_fn)(lares_call *call, void *instance);
typedef lares_verdict (*lares_snapshot_fn)(lares_call *call, void *instance);
typedef lares_verdict (*lares_restore_fn)(lares_call *call, uint32_t version,
                                          const void *data, size_t len,
                                          void *instance);
typedef lares_verdict (*lares_recovery_fn)(lares_call *call, void *user);

/* A kind of daemon. Grows at its tail: `size` says what the author knew.
 *
 * Callbacks of one daemon run on one thread at a time, in turn. The daemon
 * given to create is the instance's own: valid until destroy returns, never
 * freed by the author.
 *
 * A kind that can snapshot is rebuilt after a failed turn: destroy, create,
 * restore, and what was committed since comes once more, with
 * LARES_EVENT_REPLAY set and its outputs dropped. So its state is what was
 * committed; create, which runs again, must consume nothing. A kind that
 * cannot keeps its object. */
typedef struct lares_daemon_ops {
    uint32_t size;  /* sizeof(lares_daemon_ops) of the author's header */
    uint32_t flags; /* 0 */
    lares_create_fn create;   /* NULL: instance = user */
    lares_destroy_fn destroy; /* NULL: nothing to do */
    lares_process_fn process;
    lares_snapshot_fn snapshot; /* both, or neither */
    lares_restore_fn restore;
} lares_daemon_ops;

/* -- library ------------------------------------------------------------ */

/**
 * Return the version of the library: major * 65536 + minor.
 *
 * A caller built with another major, or with a larger minor, must not go on.
 *
 * Own:     nothing
 * Thread:  any
 * Blocks:  no
 * Errors:  none
 * Since:   0.1
 */
LARES_API uint32_t lares_abi_version(void);

/**
 * Return the name of a status, such as "EINVAL".
 *
 * A number that is no status is "UNKNOWN".
 *
 * Own:     result static
 * Thread:  any
 * Blocks:  no
 * Errors:  none
 * Since:   0.1
 */
LARES_API const char *lares_status_name(lares_status status);

/**
 * Return the text of a status, such as "invalid argument".
 *
 * A number that is no status is "unknown status".
 *
 * Own:     result static
 * Thread:  any
 * Blocks:  no
 * Errors:  none
 * Since:   0.1
 */
LARES_API const char *lares_status_text(lares_status status);

/**
 * Return one line about the last failed call of this thread.
 *
 * Never NULL, "" when there is nothing to say; valid until the next call of
 * this thread that can fail.
 *
 * Own:     result borrowed from the thread
 * Thread:  any
 * Blocks:  no
 * Errors:  none
 * Since:   0.1
 */
LARES_API const char *lares_error_detail(void);

/* -- options, bytes, lists ---------------------------------------------- */

/**
 * Make an empty set of options: pairs of text for whatever opens a thing.
 *
 * Own:     out owned, lares_options_free
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ENOMEM, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status lares_options_new(lares_options **out);

/**
 * Set an option; a second value for a key replaces the first.
 *
 * Only the form is checked here: keys are lower-case words joined by dots, at
 * most 64 pairs. Whoever is handed the options knows which keys there are.
 *
 * Own:     key and value copied
 * Thread:  one
 * Blocks:  no
 * Errors:  EINVAL, ENAME, ETOOBIG, ELIMIT, ENOMEM, EFORKED
 * Since:   0.1
 */
LARES_API lares_status lares_options_set(lares_options *options,
                                         const char *key, const char *value);

/**
 * Free a set of options.
 *
 * Own:     options taken
 * Thread:  one
 * Blocks:  no
 * Errors:  none
 * Since:   0.1
 */
LARES_API void lares_options_free(lares_options *options);

/**
 * Return the first byte of a block; never NULL for a block of 0 bytes.
 *
 * Own:     result borrowed from bytes
 * Thread:  any
 * Blocks:  no
 * Errors:  none
 * Since:   0.1
 */
LARES_API const void *lares_bytes_data(const lares_bytes *bytes);

/**
 * Return the length of a block in bytes.
 *
 * Own:     bytes borrowed
 * Thread:  any
 * Blocks:  no
 * Errors:  none
 * Since:   0.1
 */
LARES_API size_t lares_bytes_len(const lares_bytes *bytes);

/**
 * Free a block; one that held a secret is wiped.
 *
 * Own:     bytes taken
 * Thread:  any
 * Blocks:  no
 * Errors:  none
 * Since:   0.1
 */
LARES_API void lares_bytes_free(lares_bytes *bytes);

/**
 * Return the next event of a list, or NULL behind the last.
 *
 * The event is valid until the next call on the list.
 *
 * Own:     result borrowed from events
 * Thread:  one
 * Blocks:  no
 * Errors:  none
 * Since:   0.1
 */
LARES_API const lares_event *lares_events_next(lares_events *events);

/**
 * Free a list of events and what they hold.
 *
 * Own:     events taken
 * Thread:  any
 * Blocks:  no
 * Errors:  none
 * Since:   0.1
 */
LARES_API void lares_events_free(lares_events *events);

/**
 * Step to the next row; the first call steps to the first.
 *
 * Own:     rows borrowed
 * Thread:  one
 * Blocks:  no
 * Errors:  EINVAL, EDONE, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status lares_rows_next(lares_rows *rows);

/**
 * Tell name and type (LARES_ROWS_*) of a column, counted from 0.
 *
 * Own:     rows borrowed; name_out borrowed from rows
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, EDONE, EFORKED
 * Since:   0.1
 */
LARES_API lares_status lares_rows_column(const lares_rows *rows, size_t index,
                                         const char **name_out,
                                         uint32_t *type_out);

/**
 * Read a number or an id of the current row.
 *
 * Own:     rows and column borrowed
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ENOTFOUND, EDONE, EFORKED
 * Since:   0.1
 */
LARES_API lares_status lares_rows_u64(const lares_rows *rows,
                                      const char *column, uint64_t *out);

/**
 * Read any column of the current row as text.
 *
 * A number is decimal, an id 16 hex digits.
 *
 * Own:     rows and column borrowed; out borrowed from rows
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ENOTFOUND, EDONE, EFORKED
 * Since:   0.1
 */
LARES_API lares_status lares_rows_text(const lares_rows *rows,
                                       const char *column, const char **out);

/**
 * Free a table.
 *
 * Own:     rows taken
 * Thread:  any
 * Blocks:  no
 * Errors:  none
 * Since:   0.1
 */
LARES_API void lares_rows_free(lares_rows *rows);

/* -- identity and chain ------------------------------------------------- */

/**
 * Make an identity from a seed of 32 bytes, or a fresh one from (NULL, 0).
 *
 * Any other length is EINVAL, and so is a pointer with length 0: an empty key
 * file must not become a new identity.
 *
 * Own:     data borrowed; out owned, lares_key_free
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, EIO, ENOMEM, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status lares_key_new(const void *data,
                                                     size_t len,
                                                     lares_key **out);

/**
 * Return the origin of an identity: its 64-bit name; 0 for NULL.
 *
 * Own:     key borrowed
 * Thread:  any
 * Blocks:  no
 * Errors:  none
 * Since:   0.1
 */
LARES_API uint64_t lares_key_origin(const lares_key *key);

/**
 * Hand out the seed of an identity, 32 bytes, for the caller to store.
 *
 * Own:     key borrowed; out owned, lares_bytes_free wipes it
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, EKEY, ENOMEM, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status lares_key_seed(const lares_key *key,
                                                      lares_bytes **out);

/**
 * Drop a reference to an identity; daemons of it keep their own.
 *
 * Own:     key taken
 * Thread:  any
 * Blocks:  no
 * Errors:  none
 * Since:   0.1
 */
LARES_API void lares_key_free(lares_key *key);

/**
 * Make a verifier of one origin's chain that stands at its genesis.
 *
 * Own:     out owned, lares_chain_free
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ENOMEM, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status lares_chain_new(uint64_t origin,
                                                       lares_chain **out);

/**
 * Check that an event follows the head of the chain, and move the head to it.
 *
 * It needs every event of the origin from the first on. After an error the
 * head stands where it stood.
 *
 * Own:     chain and event borrowed
 * Thread:  one
 * Blocks:  no
 * Errors:  EINVAL, EORIGIN, EGAP, EPARENT, EDIGEST, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status
lares_chain_check(lares_chain *chain, const lares_event *event);

/**
 * Free a verifier.
 *
 * Own:     chain taken
 * Thread:  one
 * Blocks:  no
 * Errors:  none
 * Since:   0.1
 */
LARES_API void lares_chain_free(lares_chain *chain);

/* -- node --------------------------------------------------------------- */

/**
 * Make a node: a host of daemons, with a fresh identity.
 *
 * Options: lanes (0-256, default the usable CPUs; 0 runs everything inside the
 * call that waits), tick.interval (ms), letters.count, letters.bytes, admin
 * (true, or the path of a socket: what the program `lares` speaks to).
 *
 * Own:     name and options copied; out owned, lares_node_free
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ENAME, EOPTION, ERANGE, EIO, ENOMEM, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status lares_node_new(
    const char *name, const lares_options *options, lares_node **out);

/**
 * Start a node; starting one that runs has no effect.
 *
 * If it fails nothing is left running, and the node may be started again.
 *
 * Own:     node borrowed
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ECLOSED, EIO, ENOMEM, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status lares_node_start(lares_node *node);

/**
 * Ask a node to stop; lares_node_wait waits until it has.
 *
 * Until grace_ms is over (-1: no deadline) what daemons had accepted is
 * processed; the earlier deadline of several calls wins.
 *
 * Own:     node borrowed
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ERANGE, EFORKED
 * Since:   0.1
 */
LARES_API lares_status lares_node_stop(lares_node *node, int64_t grace_ms);

/**
 * Wait until a node has stopped.
 *
 * Own:     node borrowed
 * Thread:  any
 * Blocks:  until the node has stopped, at most timeout_ms
 * Errors:  EINVAL, ERANGE, EDEADLK, ENOTREADY, ETIMEDOUT, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status lares_node_wait(lares_node *node,
                                                       int64_t timeout_ms);

/**
 * Run a node without lanes on this thread; with lanes it is lares_node_wait.
 *
 * OK once the node has stopped, ETIMEDOUT when the time is up; 0 does all that
 * is ready now.
 *
 * Own:     node borrowed
 * Thread:  any
 * Blocks:  until the node has stopped, at most timeout_ms
 * Errors:  EINVAL, ERANGE, EDEADLK, ENOTREADY, ETIMEDOUT, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status lares_node_run(lares_node *node,
                                                      int64_t timeout_ms);

/**
 * Drop a node; one that still runs is asked to stop at once.
 *
 * Daemons, inboxes and lists that were had from it stay valid tickets.
 *
 * Own:     node taken
 * Thread:  any
 * Blocks:  no
 * Errors:  none
 * Since:   0.1
 */
LARES_API void lares_node_free(lares_node *node);

/**
 * Register a kind: a named recipe for daemons.
 *
 * ops NULL makes a pull kind, driven by lares_daemon_pull. Options: version (of
 * the state), lane (kinds of one label share a lane), lease (ms, of a pulled
 * call), stateful (true: a pull kind that can snapshot).
 *
 * Own:     kind, options, ops copied; user taken (released once, even on
 *          failure)
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ENAME, EOPTION, ERANGE, EVERSION, EEXIST, ECLOSED, ELIMIT,
 *          ENOMEM, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status lares_node_register(
    lares_node *node, const char *kind, const lares_options *options,
    const lares_daemon_ops *ops, void *user, lares_release_fn release);

/**
 * Unregister a kind that has no daemon any more.
 *
 * Own:     kind borrowed
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ENOTFOUND, EBUSY, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status lares_node_unregister(lares_node *node,
                                                             const char *kind);

/**
 * Load a plug-in: a shared object that registers kinds.
 *
 * It exports `lares_status lares_plugin_open(lares_node *, const char *)`. A
 * path without a slash is a short name: lares-<name>.so beside the library,
 * then on the loader's path. It stays loaded until the process ends. It may
 * also export `const char *lares_plugin_error(void)`: why its open failed, on
 * this thread, which becomes the detail.
 *
 * Own:     path and argument borrowed
 * Thread:  any
 * Blocks:  while the plug-in opens
 * Errors:  EINVAL, ENOTFOUND, EABI, EDEADLK, ECLOSED, EFORKED, and what the
 *          plug-in answers
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status lares_node_load(lares_node *node,
                                                       const char *path,
                                                       const char *argument);

/**
 * Start a daemon of a kind.
 *
 * key NULL makes a fresh identity; ESTALE: the one given has lived here, so
 * restore its image. Options: name, argument, subscribe (patterns), publish (a
 * channel), mailbox.count, mailbox.bytes, batch, horizon.count,
 * restart.initial, restart.max, restart.attempts, snapshot.max.
 *
 * Own:     kind, options copied; key shared; out owned, lares_daemon_free
 *          (NULL: not wanted)
 * Thread:  any
 * Blocks:  while the daemon is created
 * Errors:  EINVAL, ENAME, EOPTION, ERANGE, ETOOBIG, EKIND, EEXIST, ESTALE,
 *          ECALLBACK, ENOTREADY, ECLOSED, ELIMIT, EIO, ENOMEM, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status
lares_node_spawn(lares_node *node, const char *kind, const lares_key *key,
                 const lares_options *options, lares_daemon **out);

/**
 * Start the daemon of an image: its identity, chain, state and subscriptions.
 *
 * key NULL: the identity's secret must be alive in this process. Options are
 * those of lares_node_spawn without subscribe and publish, which the image
 * holds; one that is given replaces the image's. EEXIST: the identity lives
 * here; ESTALE: it was activated since the image was taken.
 *
 * Own:     data borrowed; options copied; key shared; out owned,
 *          lares_daemon_free (NULL: not wanted)
 * Thread:  any
 * Blocks:  while the daemon is created and restored
 * Errors:  EINVAL, EOPTION, ENAME, ERANGE, ETOOBIG, EFORMAT, EVERSION,
 *          EIDENTITY, ESIGNATURE, EDIGEST, EPARENT, EKEY, EKIND, ESTATELESS,
 *          EMISSING, EEXIST, ESTALE, ECALLBACK, ERESTORE, ENOTREADY, ECLOSED,
 *          ELIMIT, ENOMEM, EFORKED
 * Since:   0.2
 */
LARES_API LARES_NODISCARD lares_status lares_node_restore(
    lares_node *node, const void *data, size_t len, const lares_key *key,
    const lares_options *options, lares_daemon **out);

/**
 * Copy a table of what an image says, without a restore.
 *
 * Tables: image (a row: whose it is, its epoch and place in the chain, when it
 * was taken), subscriptions, options. It is checked as by a restore, but may be
 * larger than snapshot.max and have options that this version does not know. Of
 * two images of an identity that lives once at a time the newer has the higher
 * epoch, or else the higher arrival; at equal ones they differ in subscriptions,
 * timers and parked outputs at most, and time tells.
 *
 * Own:     data, what borrowed; out owned, lares_rows_free
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ENOTFOUND, ETOOBIG, EFORMAT, EVERSION, EIDENTITY,
 *          ESIGNATURE, EDIGEST, EPARENT, ENOMEM, EFORKED
 * Since:   0.2
 */
LARES_API LARES_NODISCARD lares_status lares_image_report(const void *data,
                                                          size_t len,
                                                          const char *what,
                                                          lares_rows **out);

/**
 * Find a daemon by its origin.
 *
 * Own:     out owned, lares_daemon_free
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ENOTFOUND, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status lares_node_find(lares_node *node,
                                                       uint64_t origin,
                                                       lares_daemon **out);

/**
 * Publish an event on a channel: to all its receivers, or to none.
 *
 * No receiver at all is OK. A receiver without space holds the publisher back
 * for at most timeout_ms; what ends without OK has reached nobody.
 *
 * Own:     channel and data copied
 * Thread:  any
 * Blocks:  while a receiver has no space, at most timeout_ms
 * Errors:  EINVAL, ENAME, EDENIED, ERANGE, ETOOBIG, EAGAIN, ETIMEDOUT, EDEADLK,
 *          ENOTREADY, ECLOSED, ESEQUENCE, ENOMEM, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status lares_node_publish(lares_node *node,
                                                          const char *channel,
                                                          const void *data,
                                                          size_t len,
                                                          int64_t timeout_ms);

/**
 * Subscribe the program itself to a pattern.
 *
 * Options: group, mailbox.count, mailbox.bytes, mailbox.policy (refuse, or
 * evict: the oldest events go).
 *
 * Own:     pattern and options copied; out owned, lares_inbox_free
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ENAME, EOPTION, ERANGE, ENOTREADY, ECLOSED, ELIMIT, ENOMEM,
 *          EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status
lares_node_subscribe(lares_node *node, const char *pattern,
                     const lares_options *options, lares_inbox **out);

/**
 * Copy a table of facts: the one source of every report.
 *
 * Tables: node, daemons, kinds, lanes, subscriptions, letters, recovery,
 * records, counters. It never waits for a daemon.
 *
 * Own:     what borrowed; out owned, lares_rows_free
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ENOTFOUND, ENOMEM, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status lares_node_report(lares_node *node,
                                                         const char *what,
                                                         lares_rows **out);

/**
 * Hand out the payload of a dead letter; its id stands in the table `letters`.
 *
 * EMISSING: the payload was too big to be kept.
 *
 * Own:     node borrowed; out owned, lares_bytes_free
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ENOTFOUND, EMISSING, ENOMEM, EFORKED
 * Since:   0.2
 */
LARES_API LARES_NODISCARD lares_status lares_letter_data(lares_node *node,
                                                         uint64_t id,
                                                         lares_bytes **out);

/**
 * Send the payload of a dead letter to its receiver again, and drop it.
 *
 * It comes as a new event of this node, not as the one that failed. The letter
 * is kept when it cannot be sent: ECLOSED, its receiver has ended; EAGAIN, it
 * has no space.
 *
 * Own:     node borrowed
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ENOTFOUND, EMISSING, ECLOSED, EDOWN, EAGAIN, ENOTREADY,
 *          ESEQUENCE, ENOMEM, EFORKED
 * Since:   0.2
 */
LARES_API LARES_NODISCARD lares_status lares_letter_replay(lares_node *node,
                                                           uint64_t id);

/**
 * Drop a dead letter; id 0 drops all.
 *
 * Own:     node borrowed
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ENOTFOUND, EFORKED
 * Since:   0.2
 */
LARES_API lares_status lares_letter_drop(lares_node *node, uint64_t id);

/* -- daemon ------------------------------------------------------------- */

/**
 * Return the origin of a daemon; 0 for NULL.
 *
 * Own:     daemon borrowed
 * Thread:  any
 * Blocks:  no
 * Errors:  none
 * Since:   0.1
 */
LARES_API uint64_t lares_daemon_origin(const lares_daemon *daemon);

/**
 * Return which life of its identity a daemon is, from 1; 0 for NULL.
 *
 * It grows by one with each restore, so it tells a daemon that has ended from
 * the one that went on under the same origin. A daemon that is being made has
 * none yet: in the create and restore callbacks of its spawn it is 0.
 *
 * Own:     daemon borrowed
 * Thread:  any
 * Blocks:  no
 * Errors:  none
 * Since:   0.2
 */
LARES_API uint64_t lares_daemon_epoch(const lares_daemon *daemon);

/**
 * Hand out the identity of a daemon, also after it has ended.
 *
 * Own:     out owned, lares_key_free
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status
lares_daemon_key(const lares_daemon *daemon, lares_key **out);

/**
 * Take one turn now: its outputs, or why it failed.
 *
 * The outputs are published too. A failed turn is ECALLBACK with the text of
 * the callback in the detail, belongs to its caller, and moved nothing: the
 * daemon is rebuilt before this returns. ETIMEDOUT: the turn never began.
 * EUNKNOWN: it had begun.
 *
 * Own:     data copied; out owned, lares_events_free (NULL: not wanted)
 * Thread:  any
 * Blocks:  until the turn has ended, at most timeout_ms
 * Errors:  EINVAL, ERANGE, ETOOBIG, EAGAIN, ETIMEDOUT, EUNKNOWN, EDEADLK,
 *          EDOWN, ECLOSED, ECALLBACK, ESEQUENCE, ENOMEM, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status
lares_daemon_deliver(lares_daemon *daemon, const void *data, size_t len,
                     int64_t timeout_ms, lares_events **out);

/**
 * Send an event to one daemon.
 *
 * Own:     data copied
 * Thread:  any
 * Blocks:  while its mailbox has no space, at most timeout_ms
 * Errors:  EINVAL, ERANGE, ETOOBIG, EAGAIN, ETIMEDOUT, EDEADLK, EDOWN, ECLOSED,
 *          ESEQUENCE, ENOMEM, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status lares_daemon_send(lares_daemon *daemon,
                                                         const void *data,
                                                         size_t len,
                                                         int64_t timeout_ms);

/**
 * Subscribe a daemon to a pattern, in a queue group unless group is NULL.
 *
 * A subscription that stands already is OK.
 *
 * Own:     pattern and group copied
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ENAME, ELIMIT, ECLOSED, ENOMEM, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status lares_daemon_subscribe(
    lares_daemon *daemon, const char *pattern, const char *group);

/**
 * Withdraw a subscription of a daemon; one that does not stand is OK.
 *
 * Own:     pattern and group borrowed
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ENAME, ECLOSED, EFORKED
 * Since:   0.1
 */
LARES_API lares_status lares_daemon_unsubscribe(lares_daemon *daemon,
                                                const char *pattern,
                                                const char *group);

/**
 * Take a signed image of a daemon: all that makes it, in one string of bytes.
 *
 * A kind that cannot snapshot has an image without a state. ESNAPSHOT: the
 * callback failed; there is no image, and the daemon is as it was. ETIMEDOUT:
 * the daemon was busy for all the time.
 *
 * Own:     daemon borrowed; out owned, lares_bytes_free
 * Thread:  any
 * Blocks:  until no turn is under way, at most timeout_ms
 * Errors:  EINVAL, ERANGE, EDEADLK, EDOWN, ECLOSED, ETIMEDOUT, ESNAPSHOT,
 *          ETOOBIG, EKEY, ENOMEM, EFORKED
 * Since:   0.2
 */
LARES_API LARES_NODISCARD lares_status lares_daemon_snapshot(
    lares_daemon *daemon, int64_t timeout_ms, lares_bytes **out);

/**
 * Own the next crossing of a daemon of a pull kind.
 *
 * The call holds at least one input. It is drained like a callback's and ended
 * by lares_call_end before the kind's lease is over. Of a kind that is
 * stateful, SNAPSHOT and RESTORE are the only input of their call.
 *
 * Own:     out owned, lares_call_end
 * Thread:  any
 * Blocks:  until an input is there, at most timeout_ms
 * Errors:  EINVAL, ERANGE, ETIMEDOUT, EBUSY, EDEADLK, ECLOSED, ENOMEM, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status lares_daemon_pull(lares_daemon *daemon,
                                                         int64_t timeout_ms,
                                                         lares_call **out);

/**
 * Stop a daemon; inside a callback it only asks, and the turn commits first.
 *
 * So it does for whoever holds a pulled call of that daemon.
 * Until grace_ms is over (-1: no deadline) its queued inputs are processed;
 * what is left becomes dead letters. ETIMEDOUT: a callback has not returned
 * 1 s after the deadline; the daemon closes when it does.
 *
 * Own:     daemon borrowed
 * Thread:  any
 * Blocks:  until the daemon has closed
 * Errors:  EINVAL, ERANGE, ETIMEDOUT, EFORKED
 * Since:   0.1
 */
LARES_API lares_status lares_daemon_stop(lares_daemon *daemon,
                                         int64_t grace_ms);

/**
 * Stop a daemon and take its last image: the way to hand it over.
 *
 * As lares_daemon_stop, but what it had accepted is processed before the image
 * is taken, so nothing comes between the two. Outputs that have found no space
 * go into the image, which is waited for once it is being taken. If there is
 * none in the end (ESNAPSHOT, ETOOBIG; EDOWN: it could not be rebuilt, or its
 * puller has not saved it in time) the daemon has ended all the same; after
 * ETIMEDOUT it does once its callback returns.
 *
 * Own:     daemon borrowed; out owned, lares_bytes_free
 * Thread:  any
 * Blocks:  until the daemon has closed
 * Errors:  EINVAL, ERANGE, EDEADLK, EBUSY, ECLOSED, EDOWN, ETIMEDOUT,
 *          ESNAPSHOT, ETOOBIG, EKEY, ENOMEM, EFORKED
 * Since:   0.2
 */
LARES_API LARES_NODISCARD lares_status lares_daemon_retire(lares_daemon *daemon,
                                                           int64_t grace_ms,
                                                           lares_bytes **out);

/**
 * Restart a daemon: forget its failures, and rebuild it now.
 *
 * It only asks: the daemon is rebuilt after the turn that is under way. One
 * that cannot snapshot keeps its object. Asked for by the daemon itself while
 * it is rebuilt, it does nothing.
 *
 * Own:     daemon borrowed
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ECLOSED, EFORKED
 * Since:   0.2
 */
LARES_API lares_status lares_daemon_restart(lares_daemon *daemon);

/**
 * Drop a ticket; the daemon lives on.
 *
 * Own:     daemon taken
 * Thread:  any
 * Blocks:  no
 * Errors:  none
 * Since:   0.1
 */
LARES_API void lares_daemon_free(lares_daemon *daemon);

/* -- call: what foreign code answers through ---------------------------- */

/**
 * Finish the input handed out before, and hand out the next.
 *
 * NULL: this crossing is over, and stays so; what was not handed out stays in
 * the mailbox. The event is valid until the next call of this function, the
 * last one until the call is over.
 *
 * Own:     result borrowed from call
 * Thread:  turn
 * Blocks:  no
 * Errors:  none
 * Since:   0.1
 */
LARES_API const lares_event *lares_call_next(lares_call *call);

/**
 * Emit an output of the input in hand; channel NULL is the daemon's own.
 *
 * A refusal latches: the input in hand will fail, so the status may be
 * ignored.
 *
 * Own:     channel and data copied
 * Thread:  turn
 * Blocks:  no
 * Errors:  EINVAL, ENAME, EDENIED, ETOOBIG, EQUOTA, ESEQUENCE, EPHASE, ESTALE,
 *          ENOMEM
 * Since:   0.1
 */
LARES_API lares_status lares_call_emit(lares_call *call, const char *channel,
                                       const void *data, size_t len);

/**
 * Start a timer, which fires as an input of this daemon; in process and create.
 *
 * It belongs to the turn: one that fails starts none. The input has origin 0,
 * the timer's id as its sequence, and the data given here. period_ms 0 fires
 * once; late firings of a period are one. A refusal latches, as of emit.
 *
 * Own:     data copied; id_out may be NULL
 * Thread:  turn
 * Blocks:  no
 * Errors:  EINVAL, ERANGE, ETOOBIG, ELIMIT, EPHASE, ESTALE, ENOMEM
 * Since:   0.2
 */
LARES_API lares_status lares_call_timer(lares_call *call, int64_t delay_ms,
                                        int64_t period_ms, const void *data,
                                        size_t len, uint64_t *id_out);

/**
 * Cancel a timer, also one that has fired and waits; a gone id is OK.
 *
 * Own:     call borrowed
 * Thread:  turn
 * Blocks:  no
 * Errors:  EINVAL, EPHASE, ESTALE
 * Since:   0.2
 */
LARES_API lares_status lares_call_cancel(lares_call *call, uint64_t id);

/**
 * Append to the state; in snapshot, and while a SNAPSHOT input is in hand.
 *
 * A state may be written in pieces, and 0 bytes are one. A refusal latches.
 *
 * Own:     data copied
 * Thread:  turn
 * Blocks:  no
 * Errors:  EINVAL, ETOOBIG, EPHASE, ESTALE, ENOMEM
 * Since:   0.2
 */
LARES_API lares_status lares_call_state(lares_call *call, const void *data,
                                        size_t len);

/**
 * Report a slot as recovered; in a recovery handler, group 0 for none.
 *
 * At most 256 in one call of a handler: the others are ELIMIT, and counted.
 *
 * Own:     call borrowed
 * Thread:  turn
 * Blocks:  no
 * Errors:  EINVAL, EPHASE, ELIMIT
 * Since:   0.2
 */
LARES_API lares_status lares_call_recovered(lares_call *call, uint64_t group,
                                            uint32_t slot);

/**
 * Hand over why the callback is about to fail; it does not fail by itself.
 *
 * The first text of a call is kept, as valid UTF-8 of at most 16 KiB.
 *
 * Own:     text copied
 * Thread:  turn
 * Blocks:  no
 * Errors:  none
 * Since:   0.1
 */
LARES_API void lares_call_fail(lares_call *call, const char *text);

/**
 * Return the spawn option `argument` of the daemon; "" without one.
 *
 * Own:     result borrowed from call
 * Thread:  turn
 * Blocks:  no
 * Errors:  none
 * Since:   0.1
 */
LARES_API const char *lares_call_argument(const lares_call *call);

/**
 * End a pulled call and free it.
 *
 * A number that is no verdict ends it FAILED and answers EINVAL. ESTALE: its
 * lease was over, and the core had ended it. ESTALE and EINVAL free it too.
 *
 * Own:     call taken; not when the answer is EPHASE (a callback's call)
 * Thread:  turn
 * Blocks:  no
 * Errors:  EINVAL, EPHASE, ESTALE
 * Since:   0.1
 */
LARES_API lares_status lares_call_end(lares_call *call, lares_verdict verdict);

/* -- inbox: a program's own subscription --------------------------------- */

/**
 * Take what has come: at most 64 events or 1 MiB.
 *
 * After the node has stopped it hands out the rest, then ECLOSED.
 *
 * Own:     inbox borrowed; out owned, lares_events_free
 * Thread:  any
 * Blocks:  until an event is there, at most timeout_ms
 * Errors:  EINVAL, ERANGE, ETIMEDOUT, EDEADLK, ECLOSED, ENOMEM, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status lares_inbox_next(lares_inbox *inbox,
                                                        int64_t timeout_ms,
                                                        lares_events **out);

/**
 * End an inbox.
 *
 * Own:     inbox taken
 * Thread:  any
 * Blocks:  no
 * Errors:  none
 * Since:   0.1
 */
LARES_API void lares_inbox_free(lares_inbox *inbox);

/* -- recovery registry --------------------------------------------------- */

/**
 * Make a registry of recovery handlers that stands alone.
 *
 * Only lares_recovery_run runs it. It ends with its last ticket.
 *
 * Own:     out owned, lares_recovery_free
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ENOMEM, EFORKED
 * Since:   0.2
 */
LARES_API LARES_NODISCARD lares_status lares_recovery_new(lares_recovery **out);

/**
 * Get a ticket for the registry of a node, which each tick runs, too.
 *
 * Own:     out owned, lares_recovery_free
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, EFORKED
 * Since:   0.2
 */
LARES_API LARES_NODISCARD lares_status
lares_node_recovery(lares_node *node, lares_recovery **out);

/**
 * Append a handler, which runs from the next pass on.
 *
 * name is a label of at most 63 bytes, not necessarily unique; NULL is
 * "handler". A handler that does not answer DONE is evicted, and so is one that
 * misused its call (emit, a timer, a state): a slot too many is no misuse. Never
 * waits for a handler.
 *
 * Own:     name copied; user taken (released once, even on failure); id_out
 *          and count_out may be NULL
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ENAME, ELIMIT, ECLOSED, ENOMEM, EFORKED
 * Since:   0.2
 */
LARES_API LARES_NODISCARD lares_status lares_recovery_register(
    lares_recovery *recovery, const char *name, lares_recovery_fn fn,
    void *user, lares_release_fn release, uint64_t *id_out, size_t *count_out);

/**
 * Take a handler away; one that is running finishes.
 *
 * Own:     recovery borrowed
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ENOTFOUND, EFORKED
 * Since:   0.2
 */
LARES_API lares_status lares_recovery_remove(lares_recovery *recovery,
                                             uint64_t id);

/**
 * Count the handlers that are registered.
 *
 * Own:     recovery borrowed
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, EFORKED
 * Since:   0.2
 */
LARES_API LARES_NODISCARD lares_status
lares_recovery_count(const lares_recovery *recovery, size_t *out);

/**
 * Run every handler once, in the order of registration, on this thread.
 *
 * out: a row {handler, group, slot} for each slot that was recovered. EBUSY: a
 * pass of this registry is under way.
 *
 * Own:     out owned, lares_rows_free (NULL: not wanted)
 * Thread:  any
 * Blocks:  while the handlers run
 * Errors:  EINVAL, EBUSY, EDEADLK, ECLOSED, ENOMEM, EFORKED
 * Since:   0.2
 */
LARES_API LARES_NODISCARD lares_status
lares_recovery_run(lares_recovery *recovery, lares_rows **out);

/**
 * List the handlers, and those evicted lately with why.
 *
 * Own:     recovery borrowed; out owned, lares_rows_free
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ENOMEM, EFORKED
 * Since:   0.2
 */
LARES_API LARES_NODISCARD lares_status
lares_recovery_report(const lares_recovery *recovery, lares_rows **out);

/**
 * Drop a ticket; the last one ends a registry that stands alone.
 *
 * Own:     recovery taken
 * Thread:  any
 * Blocks:  no
 * Errors:  none
 * Since:   0.2
 */
LARES_API void lares_recovery_free(lares_recovery *recovery);

/* -- world: nodes under a virtual clock, for tests ------------------------ */

/**
 * Make a simulated world: a virtual clock, and entropy drawn from a seed.
 *
 * Own:     out owned, lares_world_free
 * Thread:  any
 * Blocks:  no
 * Errors:  EINVAL, ENOMEM, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status lares_world_new(uint64_t seed,
                                                       lares_world **out);

/**
 * Make and start a node in a world: no lanes, time and entropy are the world's.
 *
 * Own:     name and options copied; out owned, lares_node_free
 * Thread:  one
 * Blocks:  no
 * Errors:  EINVAL, ENAME, EOPTION, ERANGE, EEXIST, ENOMEM, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status
lares_world_node(lares_world *world, const char *name,
                 const lares_options *options, lares_node **out);

/**
 * Let time pass: do all that falls due, in order; 0 does what is ready now.
 *
 * Own:     world borrowed
 * Thread:  one
 * Blocks:  while daemons run; the clock is virtual
 * Errors:  EINVAL, ERANGE, EDEADLK, EFORKED
 * Since:   0.1
 */
LARES_API LARES_NODISCARD lares_status lares_world_run(lares_world *world,
                                                       int64_t duration_ms);

/**
 * Drop a world; its nodes keep what they need of it.
 *
 * Own:     world taken
 * Thread:  one
 * Blocks:  no
 * Errors:  none
 * Since:   0.1
 */
LARES_API void lares_world_free(lares_world *world);

#if !defined(LARES_CDEF) && defined(__cplusplus)
}
#endif
#endif
