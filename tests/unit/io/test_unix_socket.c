#include "support/house.h"

#include "io/unix/unix_line.h"
#include "io/unix/unix_socket.h"
#include "support/guest.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/wait.h>

/* -- fixture: a folder ---------------------------------------------------- */

static int socket_setup(void **state)
{
    folder_make();
    return house_setup(state);
}

static int socket_teardown(void **state)
{
    return house_teardown(state) != 0 || folder_drop() != 0;
}

#define socket_test(test)                                                      \
    cmocka_unit_test_setup_teardown(test, socket_setup, socket_teardown)

/* -- tools ---------------------------------------------------------------- */

static void listen_at(struct lares__socket *listener, const char *name)
{
    check_ok(lares__socket_listen(listener, path_in(name)));
}

static void end(struct lares__socket *listener)
{
    int fd;

    lares__socket_shut(listener);
    while ((fd = lares__socket_accept(listener)) >= 0)
        close(fd); /* it had come before */
    lares__socket_close(listener);
}

/* What a process that was killed leaves behind. */
static void leave_stale(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, path);
    check(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    close(fd);
}

/* -- listening ------------------------------------------------------------ */

static void test_socket__whoever_runs_as_we_do_is_let_in(void **state)
{
    struct lares__socket listener;
    struct stat facts;
    int guest, fd;

    (void)state;
    listen_at(&listener, "a");
    check(stat(path_in("a"), &facts) == 0);
    check_u64(facts.st_mode & 07777, 0600);
    guest = path_connect(path_in("a"));
    fd = lares__socket_accept(&listener);
    check(guest >= 0 && fd >= 0);
    close(guest);
    close(fd);
    end(&listener);
    check(stat(path_in("a"), &facts) != 0);
}

static void test_socket__folder_must_be_ours_alone(void **state)
{
    struct lares__socket listener;

    (void)state;
    check_status(lares__socket_listen(&listener, path_in("none/a")), LARES_EIO);
    check_detail("none: No such file");
    for (unsigned int mode = 0701; mode <= 0770; mode += mode == 0701 ? 7 : 8) {
        check(chmod(folder, mode) == 0);
        check_status(lares__socket_listen(&listener, path_in("a")), LARES_EIO);
        check_detail(folder);
        check_detail("0700");
    }
    check(chmod(folder, 0700) == 0);
    check(symlink(folder, path_in("link")) == 0);
    check_status(lares__socket_listen(&listener, path_in("link/a")), LARES_EIO);
    check(unlink(path_in("link")) == 0);
}

static void test_socket__folder_of_somebody_else_is_refused(void **state)
{
    struct lares__socket listener;

    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: only root can give a folder away\n");
        skip();
    }
    check(chown(folder, 65534, 65534) == 0);
    check_status(lares__socket_listen(&listener, path_in("a")), LARES_EIO);
    check_detail("somebody else");
    check(chown(folder, 0, 0) == 0);
}

static void test_socket__folder_is_made_once(void **state)
{
    struct stat facts;

    (void)state;
    check_ok(lares__socket_folder(path_in("new")));
    check_ok(lares__socket_folder(path_in("new")));
    check(stat(path_in("new"), &facts) == 0);
    check_u64(facts.st_mode & 07777, 0700);
    check(rmdir(path_in("new")) == 0);
    check_status(lares__socket_folder(path_in("no/new")), LARES_EIO);
    check_detail("no/new");
}

static void
test_socket__stale_file_is_replaced_a_living_one_is_not(void **state)
{
    struct lares__socket first, second;
    int fd;

    (void)state;
    leave_stale(path_in("a"));
    listen_at(&first, "a");
    check_status(lares__socket_listen(&second, path_in("a")), LARES_EEXIST);
    check_detail("/a: ");
    fd = path_connect(path_in("a"));
    check(fd >= 0);
    close(fd);
    end(&first);
    listen_at(&second, "a");
    end(&second);
}

static void test_socket__no_other_file_is_replaced(void **state)
{
    struct lares__socket listener;
    FILE *file = fopen(path_in("a"), "w");

    (void)state;
    check(file != NULL);
    fclose(file);
    check_status(lares__socket_listen(&listener, path_in("a")), LARES_EIO);
    check_detail("no socket");
    check(unlink(path_in("a")) == 0);
}

static void test_socket__file_of_a_successor_stays(void **state)
{
    struct lares__socket first, second;

    (void)state;
    listen_at(&first, "a");
    check(unlink(path_in("a")) == 0);
    listen_at(&second, "a");
    end(&first);
    check(access(path_in("a"), F_OK) == 0);
    end(&second);
}

struct racer {
    struct lares__socket listener;
    const char *path;
    atomic_int *go;
    lares_status rc;
};

static void *race(void *arg)
{
    struct racer *racer = arg;

    while (!atomic_load(racer->go))
        ;
    racer->rc = lares__socket_listen(&racer->listener, racer->path);
    return NULL;
}

static void race_once(void)
{
    struct racer racers[2];
    pthread_t threads[2];
    atomic_int go = 0;
    int winner;

    leave_stale(path_in("a"));
    for (int i = 0; i < 2; i++) {
        racers[i].go = &go;
        racers[i].path = path_in("a");
        check(pthread_create(&threads[i], NULL, race, &racers[i]) == 0);
    }
    atomic_store(&go, 1);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    winner = racers[0].rc == LARES_OK ? 0 : 1;
    check_ok(racers[winner].rc);
    check_status(racers[!winner].rc, LARES_EEXIST);
    end(&racers[winner].listener);
}

static void test_socket__of_two_that_race_one_gets_the_place(void **state)
{
    (void)state;
    for (int i = 0; i < rounds(100, 5000); i++)
        race_once();
}

/* -- accepting ------------------------------------------------------------ */

static void *accept_one(void *arg)
{
    return (void *)(intptr_t)lares__socket_accept(arg);
}

static void test_socket__shutting_it_ends_a_wait(void **state)
{
    struct lares__socket listener;
    pthread_t thread;
    void *fd = NULL;

    (void)state;
    listen_at(&listener, "a");
    check(pthread_create(&thread, NULL, accept_one, &listener) == 0);
    nap_ms(20);
    lares__socket_shut(&listener);
    pthread_join(thread, &fd);
    check_i64((intptr_t)fd, -1);
    lares__socket_close(&listener);
}

/* The answer of the child: 1 if it was turned away, 0 if it was let in. */
static int stranger_comes(const char *path)
{
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        char byte;

        strcpy(address.sun_path, path);
        if (setuid(65534) != 0 ||
            connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
            _exit(2);
        _exit(recv(fd, &byte, 1, 0) == 0);
    }
    check(waitpid(child, &status, 0) == child);
    return WEXITSTATUS(status);
}

/* Even where the file would let it in. */
static void test_socket__another_user_is_turned_away(void **state)
{
    struct lares__socket listener;
    pthread_t thread;
    void *fd = NULL;

    (void)state; /* id: NO03 */
    if (geteuid() != 0) {
        print_message("skipped: only root can become another user\n");
        skip();
    }
    listen_at(&listener, "a");
    check(chmod(folder, 0755) == 0 && chmod(path_in("a"), 0666) == 0);
    check(pthread_create(&thread, NULL, accept_one, &listener) == 0);
    check_i64(stranger_comes(path_in("a")), 1);
    lares__socket_shut(&listener);
    pthread_join(thread, &fd);
    check_i64((intptr_t)fd, -1);
    lares__socket_close(&listener);
}

/* -- lines ---------------------------------------------------------------- */

/* Both ends of a connection. */
static struct {
    int near, far;
    struct lares__line line;
} wire;

static void wire_open(void)
{
    int fds[2];

    check(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    wire.near = fds[0];
    wire.far = fds[1];
    lares__line_init(&wire.line, wire.near);
}

static void wire_close(void)
{
    close(wire.near);
    close(wire.far);
}

static void far_say(const char *text)
{
    check(send(wire.far, text, strlen(text), 0) == (ssize_t)strlen(text));
}

static void check_line(const char *expected)
{
    char *line;
    size_t len;

    check_ok(lares__line_read(&wire.line, 8000, &line, &len));
    check_u64(len, strlen(expected));
    check_str(line, expected);
}

static void test_line__comes_whole(void **state)
{
    char *line;
    size_t len;

    (void)state;
    wire_open();
    far_say("one\n\nthree\nfo");
    check_line("one");
    check_line("");
    check_line("three");
    check_status(lares__line_read(&wire.line, 1, &line, &len), LARES_ETIMEDOUT);
    far_say("ur\nno end");
    check_line("four");
    shutdown(wire.far, SHUT_WR);
    check_status(lares__line_read(&wire.line, 8000, &line, &len),
                 LARES_ECLOSED);
    wire_close();
}

static void *say_much(void *arg)
{
    size_t len = *(size_t *)arg;
    char *text = malloc(len + 1);

    memset(text, 'x', len);
    text[len] = '\n';
    for (size_t at = 0; at < len + 1;) {
        ssize_t put = send(wire.far, text + at, len + 1 - at, MSG_NOSIGNAL);

        if (put <= 0)
            break;
        at += (size_t)put;
    }
    free(text);
    return NULL;
}

static void check_long(size_t len, lares_status expected)
{
    pthread_t thread;
    size_t got = 0;
    char *line;

    wire_open();
    check(pthread_create(&thread, NULL, say_much, &len) == 0);
    check_status(lares__line_read(&wire.line, 8000, &line, &got), expected);
    check_u64(got, expected == LARES_OK ? len : 0);
    shutdown(wire.near, SHUT_RDWR);
    pthread_join(thread, NULL);
    wire_close();
}

static void test_line__has_a_bound(void **state)
{
    (void)state; /* id: NO03 */
    check_long(65536, LARES_OK);
    check_long(65537, LARES_ETOOBIG);
    check_long(65 * 1024, LARES_ETOOBIG);
}

static void *say_slowly(void *arg)
{
    atomic_int *over = arg;

    while (!atomic_load(over)) {
        (void)send(wire.far, "x", 1, MSG_NOSIGNAL);
        nap_ms(5);
    }
    return NULL;
}

/* A byte now and then does not keep a visitor alive. */
static void test_line__time_is_for_the_whole(void **state)
{
    atomic_int over = 0;
    pthread_t thread;
    char *line;
    size_t len;

    (void)state;
    wire_open();
    check(pthread_create(&thread, NULL, say_slowly, &over) == 0);
    check_status(lares__line_read(&wire.line, 50, &line, &len),
                 LARES_ETIMEDOUT);
    atomic_store(&over, 1);
    pthread_join(thread, NULL);
    wire_close();
}

static void test_line__write_ends_when_nobody_reads(void **state)
{
    static char much[4 * 1024 * 1024];

    (void)state;
    wire_open();
    check_status(lares__line_write(wire.near, much, sizeof much, 50),
                 LARES_ETIMEDOUT);
    shutdown(wire.far, SHUT_RDWR);
    check_status(lares__line_write(wire.near, much, 1, 50), LARES_ECLOSED);
    wire_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        socket_test(test_socket__whoever_runs_as_we_do_is_let_in),
        socket_test(test_socket__folder_must_be_ours_alone),
        socket_test(test_socket__folder_of_somebody_else_is_refused),
        socket_test(test_socket__folder_is_made_once),
        socket_test(test_socket__stale_file_is_replaced_a_living_one_is_not),
        socket_test(test_socket__no_other_file_is_replaced),
        socket_test(test_socket__file_of_a_successor_stays),
        socket_test(test_socket__of_two_that_race_one_gets_the_place),
        socket_test(test_socket__shutting_it_ends_a_wait),
        socket_test(test_socket__another_user_is_turned_away),
        house_test(test_line__comes_whole),
        house_test(test_line__has_a_bound),
        house_test(test_line__time_is_for_the_whole),
        house_test(test_line__write_ends_when_nobody_reads),
    };

    return check_run(tests);
}
