/*
 * A QEMU TCG plugin that records which pages of guest RAM each vCPU reads, writes and executes, and when it is idle, and
 * counts the instructions of the guest's programs.
 *
 *   -plugin recorder.so,out=F.migq,ram=FILE,control=FILE[,epoch_us=1000][,seconds=10][,ring_ms=N][,instructions=FILE][,instrument=now]
 *                      [,hole=START+BYTES]
 *
 * README.md beside this file describes the arguments, the output and what is not recorded.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PLUGIN "recorder"
#include "loading.h"
#include "plugin_api.h"
#include "ring.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE (1u << PAGE_SHIFT)
#define NO_PAGE UINT64_MAX

/*
 * What a block carries, in one word: its first page, and above it how many instructions of a program it has (QEMU: at most
 * 512). The page of code outside of RAM, an address below its base, takes all the bits of a page number.
 */
#define COUNT_SHIFT (64 - PAGE_SHIFT)
_Static_assert(sizeof(uintptr_t) == 8, "a block's word is a pointer");

/* Programs have the lower half of the addresses, their kernel the upper: on x86-64 and AArch64. */
#define UPPER_HALF (UINT64_C(1) << 63)

enum op { READ, WRITE, FETCH, IDLE, WOKEN };

#define BUFFERED_RECORDS 4096

/* Only its own thread changes a vCPU's state, so nothing here needs a lock; the ring has its own. */
struct vcpu {
    /* Per page: the epoch of the last touch (from 1; 0 is never), and below it one bit per op recorded in it. */
    uint32_t *stamp;
    uint64_t now;       /* start of the running block: one clock reading serves all its accesses */
    uint64_t epoch_end;
    uint32_t epoch;     /* 0: not recording */
    _Atomic uint64_t instructions; /* of programs: of their blocks entered while recording */
    unsigned buffered;
    struct record buffer[BUFFERED_RECORDS];
    struct ring ring; /* with ring_ms, instead of the buffer */
};

/* PLAIN: blocks only look at the phase. LOADED: all is instrumented, nothing recorded. */
enum phase { PLAIN, RESETTING, LOADED, RECORDING, DONE };

static struct {
    const char *out, *ram, *control, *instructions;
    uint64_t epoch_ns, duration_ns, ring_ns;
    uint64_t hole_start, hole_bytes; /* of guest-physical addresses, below the rest of RAM */
} options = {.epoch_ns = 1000000, .duration_ns = 10000000000};

static qemu_plugin_id_t plugin_id;
static int api_version;
static unsigned vcpu_count;
static struct vcpu *vcpus;
static _Atomic int phase;
static _Atomic bool instrument_wanted;
static _Atomic uint64_t start_ns; /* 0 until the first block of the recording runs */

static pthread_mutex_t file_lock = PTHREAD_MUTEX_INITIALIZER;
static int file = -1;

static pthread_once_t ram_once = PTHREAD_ONCE_INIT;
static uintptr_t ram_base;
static uint64_t ram_pages;

static void fail(const char *what, const char *name)
{
    complain("%s %s: %s", what, name, strerror(errno));
    _exit(1); /* from a vCPU's thread, QEMU's own exit would wait for that thread */
}

static uint64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* --- output ----------------------------------------------------------------------------------- */

static struct header header(void)
{
    struct header header = {.magic = "MIGSIMQ", .page_size = PAGE_SIZE, .vcpus = vcpu_count,
                            .pages = ram_pages, .compaction_ns = options.epoch_ns};
    header.magic[7] = '1';
    return header;
}

static bool write_to(int descriptor, const void *data, size_t size)
{
    const char *from = data;
    while (size > 0) {
        ssize_t written = write(descriptor, from, size);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            from += written;
            size -= (size_t)written;
        }
    }
    return true;
}

static void write_all(const void *data, size_t size)
{
    if (!write_to(file, data, size)) {
        fail("cannot write", options.out);
    }
}

static void flush(struct vcpu *v)
{
    pthread_mutex_lock(&file_lock);
    write_all(v->buffer, v->buffered * sizeof v->buffer[0]);
    pthread_mutex_unlock(&file_lock);
    v->buffered = 0;
}

static void find_ram(void)
{
    uint64_t size;
    ram_base = find_guest_ram(options.ram, &size);
    if (ram_base == 0) {
        _exit(1);
    }
    ram_pages = size >> PAGE_SHIFT;
}

static void prepare_vcpus(void)
{
    pthread_once(&ram_once, find_ram);
    for (unsigned i = 0; i < vcpu_count; i++) {
        struct vcpu *v = &vcpus[i];
        v->stamp = calloc(ram_pages, sizeof *v->stamp);
        if (v->stamp == NULL || (options.ring_ns != 0 && !ring_prepare(&v->ring))) {
            fail("no memory to record", options.out);
        }
    }
}

/* The header's presence tells whoever asked for the recording that it is about to begin. */
static void open_output(void)
{
    struct header first = header();
    file = open(options.out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) {
        fail("cannot create", options.out);
    }
    write_all(&first, sizeof first);
}

/*
 * Writes the last ring_ns of accesses, as a file that appears whole. The recording goes on, also if that fails: the guest is
 * worth more than its recording here.
 */
static void dump_ring(void)
{
    char partial[4096];
    uint64_t now = clock_ns(), start = atomic_load(&start_ns);
    int64_t from = (int64_t)(start == 0 ? 0 : now - start) - (int64_t)options.ring_ns;
    struct header first = header();
    struct record *copy = malloc(RING_RECORDS * sizeof *copy);
    snprintf(partial, sizeof partial, "%s.partial", options.out);
    int descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool whole = true, written = copy != NULL && descriptor >= 0 && write_to(descriptor, &first, sizeof first);
    for (unsigned i = 0; written && i < vcpu_count; i++) {
        size_t count = ring_copy(&vcpus[i].ring, from, options.ring_ns, copy, &whole);
        written = write_to(descriptor, copy, count * sizeof *copy);
    }
    free(copy);
    if ((descriptor >= 0 && close(descriptor) != 0) || !written || rename(partial, options.out) != 0) {
        complain("cannot write %s: %s", partial, strerror(errno));
    }
    if (!whole) {
        complain("the ring holds less than %" PRIu64 " ms of this guest", options.ring_ns / 1000000);
    }
}

/* --- the recording ---------------------------------------------------------------------------- */

static void append(struct vcpu *v, struct record record)
{
    v->buffer[v->buffered++] = record;
    if (v->buffered == BUFFERED_RECORDS) {
        flush(v);
    }
}

static void touch(struct vcpu *v, unsigned index, uint64_t page, enum op op)
{
    if (page >= ram_pages) {
        return;
    }
    uint32_t stamp = v->stamp[page], mine = 1u << op;
    bool new_in_epoch = stamp >> 3 != v->epoch;
    if (!new_in_epoch && (op == READ || (stamp & mine))) {
        return;
    }
    v->stamp[page] = new_in_epoch ? v->epoch << 3 | mine : stamp | mine;
    struct record record = {v->now, (uint32_t)page, (uint16_t)index, (uint8_t)op, 0};
    if (v->ring.records != NULL) {
        ring_append(&v->ring, record);
    } else {
        append(v, record);
    }
}

/* Sets the vCPU's clock; false while there is nothing to record. */
static bool tick(struct vcpu *v)
{
    if (atomic_load_explicit(&phase, memory_order_acquire) != RECORDING) {
        v->epoch = 0;
        return false;
    }
    uint64_t now = clock_ns(), start = atomic_load_explicit(&start_ns, memory_order_relaxed);
    if (start == 0 && atomic_compare_exchange_strong(&start_ns, &start, now)) {
        start = now;
    }
    /* Another vCPU may have set the start a little after this one read its clock. */
    v->now = now > start ? now - start : 0;
    if (v->epoch == 0 || v->now >= v->epoch_end) {
        if (v->now >= options.duration_ns) {
            atomic_store(&phase, DONE);
            v->epoch = 0;
            return false;
        }
        uint64_t epoch = v->now / options.epoch_ns;
        v->epoch = (uint32_t)epoch + 1;
        v->epoch_end = (epoch + 1) * options.epoch_ns;
    }
    return true;
}

static void on_block(unsigned int vcpu, void *block)
{
    struct vcpu *v = &vcpus[vcpu];
    if (tick(v)) {
        uint64_t before = atomic_load_explicit(&v->instructions, memory_order_relaxed);
        atomic_store_explicit(&v->instructions, before + ((uintptr_t)block >> COUNT_SHIFT), memory_order_relaxed);
        touch(v, vcpu, (uintptr_t)block & ((UINT64_C(1) << COUNT_SHIFT) - 1), FETCH);
    }
}

/* A block may run on into a second page. */
static void on_next_page(unsigned int vcpu, void *page)
{
    if (vcpus[vcpu].epoch != 0) {
        touch(&vcpus[vcpu], vcpu, (uintptr_t)page, FETCH);
    }
}

static uint64_t page_of(qemu_plugin_meminfo_t access, uint64_t vaddr)
{
    const struct qemu_plugin_hwaddr *where = qemu_plugin_get_hwaddr(access, vaddr);
    if (where == NULL || qemu_plugin_hwaddr_is_io(where)) {
        return NO_PAGE;
    }
    uint64_t address = qemu_plugin_hwaddr_phys_addr(where);
    if (address >= options.hole_start + options.hole_bytes) {
        return (address - options.hole_bytes) >> PAGE_SHIFT;
    }
    return address < options.hole_start ? address >> PAGE_SHIFT : NO_PAGE;
}

static void on_access(unsigned int vcpu, qemu_plugin_meminfo_t access, uint64_t vaddr, void *user)
{
    (void)user;
    struct vcpu *v = &vcpus[vcpu];
    if (v->epoch == 0) {
        return;
    }
    enum op op = qemu_plugin_mem_is_store(access) ? WRITE : READ;
    uint64_t last = vaddr + (1u << qemu_plugin_mem_size_shift(access)) - 1;
    touch(v, vcpu, page_of(access, vaddr), op);
    if ((vaddr ^ last) >> PAGE_SHIFT != 0) {
        touch(v, vcpu, page_of(access, last), op);
    }
}

/*
 * A plan is made of accesses alone, so the ring has nothing else. While the guest is suspended, too, QEMU wakes vCPUs for its own
 * work: time begins with the first block all the same.
 */
static void turn(unsigned index, enum op op)
{
    struct vcpu *v = &vcpus[index];
    if (options.ring_ns != 0 || atomic_load_explicit(&phase, memory_order_acquire) != RECORDING) {
        return;
    }
    if (atomic_load(&start_ns) == 0 || tick(v)) {
        append(v, (struct record){v->now, 0, (uint16_t)index, (uint8_t)op, 0});
    }
}

static void on_idle_until_v6(qemu_plugin_id_t id, unsigned int vcpu)
{
    (void)id;
    turn(vcpu, IDLE);
}

static void on_idle_from_v7(unsigned int vcpu, void *user)
{
    (void)user;
    turn(vcpu, IDLE);
}

static void on_woken_until_v6(qemu_plugin_id_t id, unsigned int vcpu)
{
    (void)id;
    turn(vcpu, WOKEN);
}

static void on_woken_from_v7(unsigned int vcpu, void *user)
{
    (void)user;
    turn(vcpu, WOKEN);
}

/* --- instrumentation -------------------------------------------------------------------------- */

static void instrument(struct qemu_plugin_tb *tb)
{
    uint64_t page = NO_PAGE;
    pthread_once(&ram_once, find_ram);
    for (size_t i = 0, n = qemu_plugin_tb_n_insns(tb); i < n; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint64_t own = ((uintptr_t)qemu_plugin_insn_haddr(insn) - ram_base) >> PAGE_SHIFT;
        if (i == 0) {
            uintptr_t count = qemu_plugin_tb_vaddr(tb) < UPPER_HALF ? n : 0;
            uintptr_t block = count << COUNT_SHIFT | own;
            qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, PLUGIN_NO_REGISTERS, (void *)block);
        } else if (own != page) {
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_next_page, PLUGIN_NO_REGISTERS, (void *)(uintptr_t)own);
        }
        page = own;
        qemu_plugin_register_vcpu_mem_cb(insn, on_access, PLUGIN_NO_REGISTERS, PLUGIN_READS_AND_WRITES, NULL);
    }
}

static void register_callbacks(void);

static void after_reset(void)
{
    atomic_store(&phase, LOADED);
    register_callbacks();
}

/* Before instrumentation is wanted, this is all that a block carries: a guest boots and warms up quickly. */
static void on_plain_block(unsigned int vcpu, void *user)
{
    (void)vcpu;
    (void)user;
    int plain = PLAIN;
    if (atomic_load_explicit(&instrument_wanted, memory_order_relaxed)
        && atomic_compare_exchange_strong(&phase, &plain, RESETTING)) {
        qemu_plugin_reset(plugin_id, after_reset, NULL);
    }
}

static void translate(struct qemu_plugin_tb *tb)
{
    if (atomic_load(&phase) < LOADED) {
        qemu_plugin_register_vcpu_tb_exec_cb(tb, on_plain_block, PLUGIN_NO_REGISTERS, NULL);
    } else {
        instrument(tb);
    }
}

static void translate_until_v6(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    translate(tb);
}

static void translate_from_v7(struct qemu_plugin_tb *tb, void *user)
{
    (void)user;
    translate(tb);
}

/* QEMU has stopped the vCPUs by now. */
static void on_exit_of_qemu(void)
{
    if (file < 0) {
        return;
    }
    for (unsigned i = 0; i < vcpu_count; i++) {
        flush(&vcpus[i]);
    }
    if (close(file) != 0) {
        complain("cannot write %s: %s", options.out, strerror(errno));
    }
}

static void register_callbacks(void)
{
    bool v7 = api_version >= 7;
    qemu_plugin_register_vcpu_tb_trans_cb(
        plugin_id, v7 ? (plugin_callback_t)translate_from_v7 : (plugin_callback_t)translate_until_v6, NULL);
    qemu_plugin_register_vcpu_idle_cb(
        plugin_id, v7 ? (plugin_callback_t)on_idle_from_v7 : (plugin_callback_t)on_idle_until_v6, NULL);
    qemu_plugin_register_vcpu_resume_cb(
        plugin_id, v7 ? (plugin_callback_t)on_woken_from_v7 : (plugin_callback_t)on_woken_until_v6, NULL);
    qemu_plugin_register_atexit_cb(plugin_id, on_exit_of_qemu, NULL);
}

/* The command in the control file, if any, and which file it was: a new one is a new command. */
static char read_command(struct stat *status)
{
    char command = 0;
    int control = open(options.control, O_RDONLY | O_CLOEXEC);
    if (control >= 0) {
        if (fstat(control, status) != 0 || read(control, &command, 1) != 1) {
            command = 0;
        }
        close(control);
    }
    return command;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Brings the count up to date, and dumps once for each "d". */
static void watch_recording(int count_file)
{
    for (struct stat status, dumped = {0}; options.ring_ns != 0 || count_file >= 0;) {
        uint64_t instructions = 0;
        for (unsigned i = 0; i < vcpu_count; i++) {
            instructions += atomic_load_explicit(&vcpus[i].instructions, memory_order_relaxed);
        }
        if (count_file >= 0 && pwrite(count_file, &instructions, sizeof instructions, 0) != sizeof instructions) {
            complain("cannot write %s: %s", options.instructions, strerror(errno));
            count_file = -1;
        }
        if (options.ring_ns != 0 && read_command(&status) == 'd' && !same_file(&status, &dumped)) {
            dump_ring();
            dumped = status;
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

/*
 * Whoever drives the recording writes "i" (instrument), later "r" (record), and with a ring "d" (dump) into the control
 * file. A file is slower than a signal or a socket, but asks nothing of QEMU.
 */
static void *watch_control(void *user)
{
    (void)user;
    struct stat status;
    for (char command = 0; command != 'r' || atomic_load(&phase) != LOADED;) {
        command = read_command(&status);
        if (command == 'i' || command == 'r') {
            atomic_store(&instrument_wanted, true);
        }
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    prepare_vcpus();
    int count_file = -1;
    if (options.instructions != NULL) {
        count_file = open(options.instructions, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (count_file < 0) {
            fail("cannot create", options.instructions);
        }
    }
    if (options.ring_ns == 0) {
        open_output();
    }
    atomic_store_explicit(&phase, RECORDING, memory_order_release);
    watch_recording(count_file);
    return NULL;
}

/* --- loading ---------------------------------------------------------------------------------- */

/* START+BYTES, in hexadecimal with 0x or in decimal. */
static bool parse_hole(const char *value)
{
    char *end;
    options.hole_start = strtoull(value, &end, 0);
    if (end == value || *end != '+') {
        return false;
    }
    value = end + 1;
    options.hole_bytes = strtoull(value, &end, 0);
    return end != value && *end == '\0' && (options.hole_start | options.hole_bytes) % PAGE_SIZE == 0;
}

/* The limits keep epoch numbers within a stamp's 29 bits. */
static bool parse(char *argument)
{
    char *value = strchr(argument, '=');
    if (value != NULL) {
        *value++ = '\0';
        if (strcmp(argument, "out") == 0) {
            options.out = value;
            return true;
        }
        if (strcmp(argument, "ram") == 0) {
            options.ram = value;
            return true;
        }
        if (strcmp(argument, "control") == 0) {
            options.control = value;
            return true;
        }
        if (strcmp(argument, "instructions") == 0) {
            options.instructions = value;
            return true;
        }
        if (strcmp(argument, "hole") == 0) {
            return parse_hole(value);
        }
        if (strcmp(argument, "instrument") == 0 && strcmp(value, "now") == 0) {
            atomic_store(&phase, LOADED);
            return true;
        }
        if (strcmp(argument, "epoch_us") == 0 && parse_number(value, 10, 1000000, 1000, &options.epoch_ns)) {
            return true;
        }
        if (strcmp(argument, "seconds") == 0 && parse_number(value, 1, 3600, 1000000000, &options.duration_ns)) {
            return true;
        }
        if (strcmp(argument, "ring_ms") == 0 && parse_number(value, 1, 60000, 1000000, &options.ring_ns)) {
            return true;
        }
        value[-1] = '=';
    }
    complain("bad argument '%s'; expected out=FILE, ram=FILE, control=FILE, epoch_us=10..1000000, seconds=1..3600, "
             "ring_ms=1..60000, instructions=FILE, hole=START+BYTES or instrument=now",
             argument);
    return false;
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_plugin_info *info, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (!parse(argv[i])) {
            return -1;
        }
    }
    if (options.out == NULL || options.ram == NULL || options.control == NULL) {
        complain("out=FILE, ram=FILE and control=FILE are needed");
        return -1;
    }
    if (!info->system_emulation) {
        complain("records whole machines (qemu-system-*) only");
        return -1;
    }
    plugin_id = id;
    api_version = info->version.current;
    vcpu_count = (unsigned)info->vcpus.max;
    vcpus = calloc(vcpu_count, sizeof *vcpus);
    pthread_t watcher;
    if (vcpus == NULL || pthread_create(&watcher, NULL, watch_control, NULL) != 0) {
        complain("out of memory or threads");
        return -1;
    }
    pthread_detach(watcher);
    register_callbacks();
    return 0;
}
