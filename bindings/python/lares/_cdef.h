typedef int32_t lares_status;
typedef int32_t lares_verdict;
enum {
LARES_OK = 0, LARES_EINVAL = -10, LARES_ENAME = -11, LARES_EOPTION = -12, LARES_ERANGE = -13, LARES_ETOOBIG = -14, LARES_EABI = -16, LARES_ECLOSED = -20, LARES_ENOTREADY = -21, LARES_EEXIST = -22, LARES_ENOTFOUND = -23, LARES_EBUSY = -24, LARES_EDEADLK = -25, LARES_EPHASE = -26, LARES_ESTALE = -27, LARES_EDONE = -28, LARES_EFORKED = -29, LARES_ENOMEM = -30, LARES_EAGAIN = -31, LARES_ETIMEDOUT = -32, LARES_EUNKNOWN = -33, LARES_EDOWN = -35, LARES_ELIMIT = -36, LARES_EIO = -37, LARES_EFORMAT = -40, LARES_EVERSION = -41, LARES_EDIGEST = -42, LARES_EPARENT = -43, LARES_EGAP = -44, LARES_EORIGIN = -45, LARES_ESEQUENCE = -47, LARES_ESTATELESS = -48, LARES_EMISSING = -49, LARES_EDENIED = -52, LARES_EIDENTITY = -53, LARES_EKEY = -54, LARES_ESIGNATURE = -56, LARES_ECALLBACK = -60, LARES_EQUOTA = -62, LARES_ESCRIPT = -64, LARES_ESNAPSHOT = -65, LARES_ERESTORE = -66, LARES_EKIND = -70,
};
enum {
LARES_ABI_MAJOR = 0,
LARES_ABI_MINOR = 2
};
enum {
LARES_FAILED = 0,
LARES_DONE = 1,
LARES_LOST = 2
};
enum {
LARES_INPUT_EVENT = 1,
LARES_INPUT_SNAPSHOT = 2,
LARES_INPUT_RESTORE = 3
};
enum {
LARES_EVENT_REPLAY = 1
};
enum {
LARES_ROWS_U64 = 1,
LARES_ROWS_TEXT = 2,
LARES_ROWS_ID = 3
};
typedef struct lares_node lares_node;
typedef struct lares_daemon lares_daemon;
typedef struct lares_inbox lares_inbox;
typedef struct lares_recovery lares_recovery;
typedef struct lares_world lares_world;
typedef struct lares_key lares_key;
typedef struct lares_call lares_call;
typedef struct lares_chain lares_chain;
typedef struct lares_options lares_options;
typedef struct lares_bytes lares_bytes;
typedef struct lares_events lares_events;
typedef struct lares_rows lares_rows;
typedef struct lares_event {
uint64_t origin;
uint64_t sequence;
uint64_t parent;
uint64_t horizon;
uint64_t hash;
uint64_t arrival;
uint64_t received_at;
const void *data;
size_t len;
const char *channel;
uint32_t kind;
uint32_t flags;
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
typedef struct lares_daemon_ops {
uint32_t size;
uint32_t flags;
lares_create_fn create;
lares_destroy_fn destroy;
lares_process_fn process;
lares_snapshot_fn snapshot;
lares_restore_fn restore;
} lares_daemon_ops;
uint32_t lares_abi_version(void);
const char *lares_status_name(lares_status status);
const char *lares_status_text(lares_status status);
const char *lares_error_detail(void);
lares_status lares_options_new(lares_options **out);
lares_status lares_options_set(lares_options *options,
const char *key, const char *value);
void lares_options_free(lares_options *options);
const void *lares_bytes_data(const lares_bytes *bytes);
size_t lares_bytes_len(const lares_bytes *bytes);
void lares_bytes_free(lares_bytes *bytes);
const lares_event *lares_events_next(lares_events *events);
void lares_events_free(lares_events *events);
lares_status lares_rows_next(lares_rows *rows);
lares_status lares_rows_column(const lares_rows *rows, size_t index,
const char **name_out,
uint32_t *type_out);
lares_status lares_rows_u64(const lares_rows *rows,
const char *column, uint64_t *out);
lares_status lares_rows_text(const lares_rows *rows,
const char *column, const char **out);
void lares_rows_free(lares_rows *rows);
lares_status lares_key_new(const void *data,
size_t len,
lares_key **out);
uint64_t lares_key_origin(const lares_key *key);
lares_status lares_key_seed(const lares_key *key,
lares_bytes **out);
void lares_key_free(lares_key *key);
lares_status lares_chain_new(uint64_t origin,
lares_chain **out);
lares_status
lares_chain_check(lares_chain *chain, const lares_event *event);
void lares_chain_free(lares_chain *chain);
lares_status lares_node_new(
const char *name, const lares_options *options, lares_node **out);
lares_status lares_node_start(lares_node *node);
lares_status lares_node_stop(lares_node *node, int64_t grace_ms);
lares_status lares_node_wait(lares_node *node,
int64_t timeout_ms);
lares_status lares_node_run(lares_node *node,
int64_t timeout_ms);
void lares_node_free(lares_node *node);
lares_status lares_node_register(
lares_node *node, const char *kind, const lares_options *options,
const lares_daemon_ops *ops, void *user, lares_release_fn release);
lares_status lares_node_unregister(lares_node *node,
const char *kind);
lares_status lares_node_load(lares_node *node,
const char *path,
const char *argument);
lares_status
lares_node_spawn(lares_node *node, const char *kind, const lares_key *key,
const lares_options *options, lares_daemon **out);
lares_status lares_node_restore(
lares_node *node, const void *data, size_t len, const lares_key *key,
const lares_options *options, lares_daemon **out);
lares_status lares_image_report(const void *data,
size_t len,
const char *what,
lares_rows **out);
lares_status lares_node_find(lares_node *node,
uint64_t origin,
lares_daemon **out);
lares_status lares_node_publish(lares_node *node,
const char *channel,
const void *data,
size_t len,
int64_t timeout_ms);
lares_status
lares_node_subscribe(lares_node *node, const char *pattern,
const lares_options *options, lares_inbox **out);
lares_status lares_node_report(lares_node *node,
const char *what,
lares_rows **out);
lares_status lares_letter_data(lares_node *node,
uint64_t id,
lares_bytes **out);
lares_status lares_letter_replay(lares_node *node,
uint64_t id);
lares_status lares_letter_drop(lares_node *node, uint64_t id);
uint64_t lares_daemon_origin(const lares_daemon *daemon);
uint64_t lares_daemon_epoch(const lares_daemon *daemon);
lares_status
lares_daemon_key(const lares_daemon *daemon, lares_key **out);
lares_status
lares_daemon_deliver(lares_daemon *daemon, const void *data, size_t len,
int64_t timeout_ms, lares_events **out);
lares_status lares_daemon_send(lares_daemon *daemon,
const void *data,
size_t len,
int64_t timeout_ms);
lares_status lares_daemon_subscribe(
lares_daemon *daemon, const char *pattern, const char *group);
lares_status lares_daemon_unsubscribe(lares_daemon *daemon,
const char *pattern,
const char *group);
lares_status lares_daemon_snapshot(
lares_daemon *daemon, int64_t timeout_ms, lares_bytes **out);
lares_status lares_daemon_pull(lares_daemon *daemon,
int64_t timeout_ms,
lares_call **out);
lares_status lares_daemon_stop(lares_daemon *daemon,
int64_t grace_ms);
lares_status lares_daemon_retire(lares_daemon *daemon,
int64_t grace_ms,
lares_bytes **out);
lares_status lares_daemon_restart(lares_daemon *daemon);
void lares_daemon_free(lares_daemon *daemon);
const lares_event *lares_call_next(lares_call *call);
lares_status lares_call_emit(lares_call *call, const char *channel,
const void *data, size_t len);
lares_status lares_call_timer(lares_call *call, int64_t delay_ms,
int64_t period_ms, const void *data,
size_t len, uint64_t *id_out);
lares_status lares_call_cancel(lares_call *call, uint64_t id);
lares_status lares_call_state(lares_call *call, const void *data,
size_t len);
lares_status lares_call_recovered(lares_call *call, uint64_t group,
uint32_t slot);
void lares_call_fail(lares_call *call, const char *text);
const char *lares_call_argument(const lares_call *call);
lares_status lares_call_end(lares_call *call, lares_verdict verdict);
lares_status lares_inbox_next(lares_inbox *inbox,
int64_t timeout_ms,
lares_events **out);
void lares_inbox_free(lares_inbox *inbox);
lares_status lares_recovery_new(lares_recovery **out);
lares_status
lares_node_recovery(lares_node *node, lares_recovery **out);
lares_status lares_recovery_register(
lares_recovery *recovery, const char *name, lares_recovery_fn fn,
void *user, lares_release_fn release, uint64_t *id_out, size_t *count_out);
lares_status lares_recovery_remove(lares_recovery *recovery,
uint64_t id);
lares_status
lares_recovery_count(const lares_recovery *recovery, size_t *out);
lares_status
lares_recovery_run(lares_recovery *recovery, lares_rows **out);
lares_status
lares_recovery_report(const lares_recovery *recovery, lares_rows **out);
void lares_recovery_free(lares_recovery *recovery);
lares_status lares_world_new(uint64_t seed,
lares_world **out);
lares_status
lares_world_node(lares_world *world, const char *name,
const lares_options *options, lares_node **out);
lares_status lares_world_run(lares_world *world,
int64_t duration_ms);
void lares_world_free(lares_world *world);
