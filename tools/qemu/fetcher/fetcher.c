/*
 * A QEMU TCG plugin for the destination of a post-copy migration: from the switch-over on, it touches the pages of a plan
 * in order, so that QEMU requests them from the source ahead of need.
 *
 *   -plugin fetcher.so,plan=FILE,ram=FILE[,threads=64][,wait_ms=10000][,asked=FILE]
 *
 * README.md beside this file describes the arguments, the plan and what happens when something is wrong with it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PLUGIN "fetcher"
#include "../recorder/loading.h"
#include "../recorder/plugin_api.h"
#include "plan.h"

static struct {
    const char *plan, *ram, *asked;
    uint64_t threads, wait_ns;
} options = {.threads = 64, .wait_ns = 10000000000};

static _Atomic bool started, all_asked;
static sem_t switch_over;

static struct plan plan;
static const volatile unsigned char *ram;
static _Atomic uint64_t next, missing, running;
static uint64_t began_ns;

static uint64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Whether the page has arrived: it is in its file's page cache then. For the report only. */
static bool is_there(const volatile void *page)
{
    unsigned char resident = 1;
    mincore((void *)(uintptr_t)page, 1, &resident);
    return resident & 1;
}

/* The last page is being asked for, or nothing will be: whoever holds the source's push back for the plan may let it go. */
static void say_all_asked(void)
{
    static const char word[] = "asked\n";
    if (options.asked == NULL || atomic_exchange(&all_asked, true)) {
        return;
    }
    int file = open(options.asked, O_WRONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0644);
    if (file < 0 || write(file, word, sizeof word - 1) < 0) {
        complain("cannot write %s: %s", options.asked, strerror(errno));
    }
    if (file >= 0) {
        close(file);
    }
}

/* A touch of a page that is not there blocks in the kernel until QEMU has placed it, as a vCPU's would. */
static void *fetch(void *user)
{
    (void)user;
    uint64_t mine = 0;
    for (uint64_t i; (i = atomic_fetch_add(&next, 1)) < plan.count;) {
        const volatile unsigned char *page = ram + (uint64_t)plan.pages[i].page * plan.page_size;
        if (i + 1 == plan.count) {
            say_all_asked();
        }
        mine += !is_there(page);
        (void)*page;
    }
    say_all_asked(); /* of an empty plan */
    atomic_fetch_add(&missing, mine);
    if (atomic_fetch_sub(&running, 1) == 1) {
        complain("fetched %" PRIu64 " of the plan's %" PRIu64 " pages in %" PRIu64 " ms; the others were there",
                 atomic_load(&missing), plan.count, (clock_ns() - began_ns) / 1000000);
        free_plan(&plan);
    }
    return NULL;
}

/* The plan may be made as late as the switch-over. It has to appear whole, by a rename. */
static bool wait_for_plan(void)
{
    uint64_t end = clock_ns() + options.wait_ns;
    while (access(options.plan, F_OK) != 0) {
        if (clock_ns() >= end) {
            complain("no plan %s after %" PRIu64 " ms", options.plan, options.wait_ns / 1000000);
            return false;
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return true;
}

static void *run(void *user)
{
    (void)user;
    uint64_t size;
    while (sem_wait(&switch_over) != 0) {
    }
    ram = (const volatile unsigned char *)find_guest_ram(options.ram, &size);
    const char *problem;
    if (ram == NULL || !wait_for_plan()) {
        say_all_asked();
        return NULL;
    }
    if (!read_plan(options.plan, size, &plan, &problem)) {
        complain("%s: %s; nothing is fetched", options.plan, problem);
        say_all_asked();
        return NULL;
    }
    began_ns = clock_ns();
    /* One for this thread, so that the others do not end before all of them are there. */
    atomic_store(&running, 1);
    for (uint64_t i = 1; i < options.threads && i < plan.count; i++) {
        pthread_t thread;
        atomic_fetch_add(&running, 1);
        if (pthread_create(&thread, NULL, fetch, NULL) != 0) {
            atomic_fetch_sub(&running, 1);
            break;
        }
        pthread_detach(thread);
    }
    return fetch(NULL);
}

/* An incoming VM stands still until the switch-over, so that the first block to be translated is the first that runs. */
static void begin(void)
{
    if (!atomic_load_explicit(&started, memory_order_relaxed) && !atomic_exchange(&started, true)) {
        sem_post(&switch_over);
    }
}

static void translate_until_v6(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    (void)tb;
    begin();
}

static void translate_from_v7(struct qemu_plugin_tb *tb, void *user)
{
    (void)tb;
    (void)user;
    begin();
}

static bool parse(char *argument)
{
    char *value = strchr(argument, '=');
    if (value != NULL) {
        *value++ = '\0';
        if (strcmp(argument, "plan") == 0) {
            options.plan = value;
            return true;
        }
        if (strcmp(argument, "ram") == 0) {
            options.ram = value;
            return true;
        }
        if (strcmp(argument, "asked") == 0) {
            options.asked = value;
            return true;
        }
        if (strcmp(argument, "threads") == 0 && parse_number(value, 1, 4096, 1, &options.threads)) {
            return true;
        }
        if (strcmp(argument, "wait_ms") == 0 && parse_number(value, 0, 600000, 1000000, &options.wait_ns)) {
            return true;
        }
        value[-1] = '=';
    }
    complain("bad argument '%s'; expected plan=FILE, ram=FILE, threads=1..4096, wait_ms=0..600000 or asked=FILE", argument);
    return false;
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_plugin_info *info, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (!parse(argv[i])) {
            return -1;
        }
    }
    if (options.plan == NULL || options.ram == NULL) {
        complain("plan=FILE and ram=FILE are needed");
        return -1;
    }
    if (!info->system_emulation) {
        complain("fetches the memory of whole machines (qemu-system-*) only");
        return -1;
    }
    /* QEMU's signals are for QEMU's threads; ours inherit this mask. */
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    sem_init(&switch_over, 0, 0);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread, NULL, run, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        complain("cannot start a thread");
        return -1;
    }
    pthread_detach(thread);
    plugin_callback_t translator = info->version.current >= 7 ? (plugin_callback_t)translate_from_v7
                                                              : (plugin_callback_t)translate_until_v6;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translator, NULL);
    return 0;
}
