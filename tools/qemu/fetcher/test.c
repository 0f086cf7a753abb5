/*
 * Runs the fetcher without QEMU: this program plays QEMU's part and the source's. It places pages by userfaultfd, one at
 * a time, and checks which ones the fetcher waits for. tools/qemu/test runs it.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <dlfcn.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../recorder/plugin_api.h"
#include "plan.h"

#define PAGES 64
#define PAGE 4096u
#define THREADS 4
#define PLANNED 40

static plugin_callback_t on_translation;

#if API == 1
int qemu_plugin_n_vcpus(void) { return 1; }
#endif
#if API >= 6
bool qemu_plugin_set_pc(uint64_t address) { return address != 0; }
#endif
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, plugin_callback_t callback, void *user)
{
    assert(id == 42 && user == NULL);
    on_translation = callback;
}

static void translate(void)
{
#if API >= 7
    ((void (*)(struct qemu_plugin_tb *, void *))on_translation)(NULL, NULL);
#else
    ((void (*)(qemu_plugin_id_t, struct qemu_plugin_tb *))on_translation)(42, NULL);
#endif
}

/* --- plans ------------------------------------------------------------------------------------- */

static uint32_t order[PLANNED];
static unsigned char bytes[sizeof(struct plan_header) + PLANNED * sizeof(struct planned_page) + 4];

/* Bit by bit, unlike the fetcher's. */
static void seal(void)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < sizeof bytes - 4; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
        }
    }
    crc = ~crc;
    memcpy(bytes + sizeof bytes - 4, &crc, 4);
}

/* As the documentation of migsim::plan has it: every third page and the others in a jumble, 40 of 64. */
static void make_plan(void)
{
    const uint64_t pages = PAGES, count = PLANNED;
    const uint32_t version = 1, size = PAGE;
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, "MIGSIMPL", 8);
    memcpy(bytes + 8, &version, 4);
    memcpy(bytes + 12, &size, 4);
    memcpy(bytes + 16, &pages, 8);
    memcpy(bytes + 24, &count, 8);
    for (uint32_t i = 0; i < PLANNED; i++) {
        order[i] = (i * 27 + 5) % PAGES;
        memcpy(bytes + 32 + 16 * i, &order[i], 4);
        bytes[32 + 16 * i + 4] = i % 2;
        memset(bytes + 32 + 16 * i + 8, 0xff, 8);
    }
    seal();
}

static void write_plan(size_t size)
{
    FILE *file = fopen("new", "w");
    assert(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0 && rename("new", "plan") == 0);
}

static const char *verdict(size_t size, uint64_t ram)
{
    struct plan plan;
    return check_plan(bytes, size, ram, &plan);
}

static void put(size_t at, uint64_t value, size_t size)
{
    memcpy(bytes + at, &value, size);
    seal();
}

static void only_whole_plans_are_taken(void)
{
    const uint64_t ram = PAGES * PAGE;
    make_plan();
    assert(verdict(sizeof bytes, ram) == NULL);
    for (size_t size = 0; size < sizeof bytes; size++) {
        assert(verdict(size, ram) != NULL);
    }
    for (size_t at = 0; at < sizeof bytes; at++) {
        bytes[at] ^= 0x10;
        assert(verdict(sizeof bytes, ram) != NULL);
        bytes[at] ^= 0x10;
    }
    assert(verdict(sizeof bytes, ram + 1) != NULL && verdict(sizeof bytes, ram - PAGE) != NULL && verdict(sizeof bytes, 0) != NULL);
    /* The last page may lie in RAM only in part. */
    assert(verdict(sizeof bytes, ram - 1) == NULL);
    static const struct { size_t at; uint64_t value; size_t size; } wrong[] = {
        {0, 'm', 1}, {8, 2, 4}, {12, 0, 4}, {12, 1 << 21, 4}, {16, PAGES + 1, 8}, {24, PLANNED + 1, 8},
        {24, PLANNED - 1, 8}, {24, UINT64_MAX, 8}, {24, UINT64_C(1) << 60, 8}, {32, PAGES, 4}, {32 + 16 * 39, UINT32_MAX, 4},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        make_plan();
        put(wrong[i].at, wrong[i].value, wrong[i].size);
        assert(verdict(sizeof bytes, ram) != NULL);
    }
}

/* --- the plugin -------------------------------------------------------------------------------- */

static int faults;
static char *ram;
static bool pending[PAGES];

/* Marks the pages that are waited for; returns how many there are after a time in which nothing new came. */
static int wait_for_faults(void)
{
    struct pollfd poll_for = {.fd = faults, .events = POLLIN};
    int count = 0;
    while (poll(&poll_for, 1, 100) == 1) {
        struct uffd_msg message;
        assert(read(faults, &message, sizeof message) == sizeof message && message.event == UFFD_EVENT_PAGEFAULT);
        pending[(message.arg.pagefault.address - (uintptr_t)ram) / PAGE] = true;
    }
    for (int page = 0; page < PAGES; page++) {
        count += pending[page];
    }
    return count;
}

static void place(uint32_t page)
{
    static char content[PAGE];
    struct uffdio_copy copy = {.dst = (uintptr_t)ram + page * PAGE, .src = (uintptr_t)content, .len = PAGE};
    assert(ioctl(faults, UFFDIO_COPY, &copy) == 0);
    pending[page] = false;
}

/* The reading end of the pipe "asked", if it is one and no file. */
static int listening = -1;

/* The fetcher has said that it asks for nothing more. */
static bool all_asked(void)
{
    static bool heard;
    char word[8];
    heard = heard || (listening < 0 ? access("asked", F_OK) == 0 : read(listening, word, sizeof word) > 0);
    return heard;
}

/* The fetcher has to wait for the next THREADS pages that are not there, whichever of them comes first. */
static void serve(void)
{
    uint32_t missing[PLANNED];
    int count = 0, served = 0;
    for (int i = 0; i < PLANNED; i++) {
        if (order[i] >= 8) { /* the first 8 pages of RAM are there */
            missing[count++] = order[i];
        }
    }
    assert(count < PLANNED);
    srandom(3);
    for (int waits; (waits = wait_for_faults()) > 0; served++) {
        int until = served + THREADS < count ? served + THREADS : count, skip = (int)(random() % waits);
        assert(waits == until - served);
        assert(until == count || !all_asked());
        uint32_t chosen = PAGES;
        for (int i = 0; i < until; i++) {
            if (pending[missing[i]] && skip-- == 0) {
                chosen = missing[i];
            }
        }
        assert(chosen < PAGES);
        place(chosen);
    }
    assert(served == count);
}

enum scenario { GOOD, LATE, EMPTY, MISSING, DAMAGED, PIPE, SCENARIOS };

static void run(const char *path, enum scenario scenario)
{
    int file = open("ram", O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert(file >= 0 && ftruncate(file, PAGES * PAGE) == 0);
    ram = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    memset(ram, 1, 8 * PAGE);
    faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
    assert(faults >= 0);
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register all = {{(uintptr_t)ram, PAGES * PAGE}, UFFDIO_REGISTER_MODE_MISSING, 0};
    assert(ioctl(faults, UFFDIO_API, &api) == 0 && ioctl(faults, UFFDIO_REGISTER, &all) == 0);

    unlink("plan");
    unlink("asked");
    if (scenario == LATE) {
        assert(mkfifo("asked", 0600) == 0);
        listening = open("asked", O_RDONLY | O_NONBLOCK);
        assert(listening >= 0);
    }
    make_plan();
    if (scenario == GOOD) {
        struct plan plan;
        const char *problem;
        write_plan(sizeof bytes);
        assert(read_plan("plan", PAGES * PAGE, &plan, &problem) && plan.count == PLANNED);
        free_plan(&plan);
        assert(!read_plan("nothing", PAGES * PAGE, &plan, &problem) && problem != NULL && plan.bytes == NULL);
        assert(!read_plan(".", PAGES * PAGE, &plan, &problem) && problem != NULL && plan.bytes == NULL);
    } else if (scenario == EMPTY) {
        memset(bytes + 24, 0, 8);
        uint32_t crc = crc32c(bytes, 32);
        memcpy(bytes + 32, &crc, 4);
        write_plan(36);
    } else if (scenario == DAMAGED) {
        write_plan(sizeof bytes - 1);
    } else if (scenario == PIPE) {
        assert(mkfifo("plan", 0600) == 0);
    }
    void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    assert(plugin != NULL);
    int (*install)(qemu_plugin_id_t, const struct qemu_plugin_info *, int, char **);
    install = dlsym(plugin, "qemu_plugin_install");
    char arguments[][16] = {"plan=plan", "ram=ram", "threads=4", "wait_ms=500", "asked=asked"};
    char *pointers[] = {arguments[0], arguments[1], arguments[2], arguments[3], arguments[4]};
    struct qemu_plugin_info info = {"x86_64", {0, API}, true, {1, 1}};
    assert(install(42, &info, 5, pointers) == 0);
    assert(wait_for_faults() == 0 && !all_asked()); /* not before the guest runs */
    translate();
    translate();
    if (scenario == LATE) {
        assert(wait_for_faults() == 0);
        write_plan(sizeof bytes);
    }
    if (scenario == GOOD || scenario == LATE) {
        serve();
    } else {
        usleep(600000);
        assert(wait_for_faults() == 0);
    }
    assert(all_asked()); /* if only because there is no plan */
}

int main(int argc, char **argv)
{
    char directory[] = "/dev/shm/fetcher-test-XXXXXX"; /* userfaultfd wants memory, not a disk's file */
    assert(argc == 2);
    char *path = realpath(argv[1], NULL);
    assert(path != NULL && mkdtemp(directory) != NULL && chdir(directory) == 0);
    only_whole_plans_are_taken();
    int probe = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    if (probe < 0) {
        printf("API %d: no userfaultfd here (%m): only plans were read\n", API);
        assert(chdir("/") == 0 && rmdir(directory) == 0);
        return 77; /* left out */
    }
    close(probe);
    for (enum scenario scenario = GOOD; scenario < SCENARIOS; scenario++) {
        int status;
        pid_t child = fork(); /* the plugin's state is of one QEMU */
        assert(child >= 0);
        if (child == 0) {
            run(path, scenario);
            exit(0);
        }
        assert(waitpid(child, &status, 0) == child && status == 0);
        unlink("plan");
        unlink("asked");
    }
    printf("API %d: as expected\n", API);
    assert(unlink("ram") == 0 && chdir("/") == 0 && rmdir(directory) == 0);
    return 0;
}
