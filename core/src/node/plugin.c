#include "node/plugin.h"

#include "base/error.h"

#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Design notes
 * - A shared object stays mapped until the process ends: its kinds' callbacks
 *   may be on any stack, and its thread-locals in any thread.
 * - What it registers while it is opened is marked with the number of the
 *   load, so that a failing open leaves nothing behind. Loads of one node come
 *   one after the other; the mutex is held by the loading thread alone, and
 *   what it calls takes other locks, so it is no lock of the floors. */

typedef lares_status (*plugin_open_fn)(lares_node *node, const char *argument);
typedef const char *(*plugin_error_fn)(void);

struct plugin {
    plugin_open_fn open;
    plugin_error_fn error; /* NULL: it does not say why */
};

/* POSIX lets dlsym give a function as an object; C11 has no cast for it. */
static int symbol(void *handle, const char *name, void *out, size_t size)
{
    void *object = dlsym(handle, name);

    if (object == NULL)
        return 0;
    memcpy(out, &object, size);
    return 1;
}

/* lares-<name>.so beside the library that this code is in */
static int beside_library(const char *name, char *out, size_t size)
{
    uint32_t (*self)(void) = lares_abi_version;
    void *address;
    Dl_info info;
    char path[PATH_MAX];
    int len;

    memcpy(&address, &self, sizeof address);
    if (dladdr(address, &info) == 0 || info.dli_fname == NULL)
        return 0;
    (void)snprintf(path, sizeof path, "%s", info.dli_fname);
    len = snprintf(out, size, "%s/lares-%s.so", dirname(path), name);
    return len > 0 && (size_t)len < size;
}

static void *plugin_map(const char *path)
{
    char file[PATH_MAX];
    void *handle = NULL;

    if (strchr(path, '/') != NULL)
        return dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (beside_library(path, file, sizeof file))
        handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        (void)snprintf(file, sizeof file, "lares-%s.so", path);
        handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    }
    return handle;
}

/* its core must be this one, and it must open */
static lares_status plugin_check(void *handle, const char *path,
                                 struct plugin *out)
{
    uint32_t (*self)(void) = lares_abi_version;
    uint32_t (*theirs)(void) = NULL;
    struct plugin plugin = {NULL, NULL};

    if (!symbol(handle, "lares_plugin_open", &plugin.open, sizeof plugin.open))
        return lares__error(LARES_EABI, "'%s' has no lares_plugin_open", path);
    if (symbol(handle, "lares_abi_version", &theirs, sizeof theirs) &&
        theirs != self)
        return lares__error(LARES_EABI, "'%s' brought a core of its own", path);
    (void)symbol(handle, "lares_plugin_error", &plugin.error,
                 sizeof plugin.error);
    *out = plugin;
    return LARES_OK;
}

struct lares__load lares__plugin_current(lares_node *node)
{
    struct lares__load none = {0, NULL};

    if (atomic_load(&node->loading) &&
        pthread_equal(atomic_load(&node->load_thread), pthread_self()))
        return node->load;
    return none;
}

static lares_status plugin_open(lares_node *node, const char *path,
                                const char *argument,
                                const struct plugin *plugin)
{
    uint32_t number;
    lares_status rc;

    pthread_mutex_lock(&node->load_lock);
    number = ++node->loads;
    node->load_thread = pthread_self();
    node->load = (struct lares__load){number, path};
    atomic_store(&node->loading, 1);
    rc = plugin->open(node, argument);
    atomic_store(&node->loading, 0);
    pthread_mutex_unlock(&node->load_lock);
    if (rc < 0) { /* releases, so no lock is held */
        lares__kinds_remove_load(&node->kinds, number);
        lares__recovery_remove_load(&node->recovery, number);
    }
    if (rc < 0 && plugin->error != NULL)
        return lares__error(rc, "%s", plugin->error());
    return rc;
}

lares_status lares__plugin_load(lares_node *node, const char *path,
                                const char *argument)
{
    struct plugin plugin = {0};
    void *handle;
    lares_status rc;

    if (lares__plugin_current(node).number != 0)
        return lares__error(LARES_EDEADLK, "load inside lares_plugin_open");
    if (atomic_load(&node->state) >= LARES__NODE_STOPPING)
        return lares__error(LARES_ECLOSED, "node '%s' has stopped", node->name);
    handle = plugin_map(path);
    if (handle == NULL)
        return lares__error(LARES_ENOTFOUND, "%s", dlerror());
    rc = plugin_check(handle, path, &plugin);
    if (rc < 0)
        return rc;
    return plugin_open(node, path, argument != NULL ? argument : "", &plugin);
}
