/*
 * Runs the recorder without QEMU: this program plays QEMU's part and owns the clock, makes random accesses on two
 * vCPUs, and compares the recording byte for byte with what the README promises, computed naively. tools/qemu/test runs it.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "plugin_api.h"

#define PAGES 40
#define EPOCH_NS 100000
#define SECONDS 1
#ifndef RING_MS
#define RING_MS 0
#endif
/* Pages of a hole in the guest-physical addresses, behind the first 30 pages of RAM. */
#ifndef HOLE
#define HOLE 0
#endif
#define HOLE_START 30
_Static_assert(HOLE_START == 0x1e, "as in the recorder's arguments");
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

struct qemu_plugin_tb { unsigned page, length; };
struct qemu_plugin_insn { int unused; };
struct qemu_plugin_hwaddr { uint64_t address; bool io; };

static plugin_callback_t on_translation, on_exit_, on_idle, on_resume;
static plugin_exec_callback_t on_block, on_second_page;
static plugin_access_callback_t on_access;
static void *first_page, *second_page;
static char *ram;
static struct qemu_plugin_tb block = {0, 2};
static struct qemu_plugin_insn instructions[2];
static volatile uint64_t now = 5000000000;

/* Code that is not in RAM may lie before it in QEMU's memory. */
#define BEFORE_RAM (UINT32_MAX - 1)

static bool is_kernel(unsigned page) { return page % 4 == 3; }

int clock_gettime(clockid_t clock, struct timespec *t)
{
    assert(clock == CLOCK_MONOTONIC);
    *t = (struct timespec){(time_t)(now / 1000000000), (long)(now % 1000000000)};
    return 0;
}

#if API == 1
int qemu_plugin_n_vcpus(void) { return 2; }
#endif
#if API >= 6
bool qemu_plugin_set_pc(uint64_t address) { return address != 0; }
#endif

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, plugin_callback_t callback, void *user)
{
    assert(id == 42 && user == NULL);
    on_translation = callback;
}
void qemu_plugin_register_vcpu_idle_cb(qemu_plugin_id_t id, plugin_callback_t callback, void *user)
{
    assert(id == 42 && user == NULL);
    on_idle = callback;
}
void qemu_plugin_register_vcpu_resume_cb(qemu_plugin_id_t id, plugin_callback_t callback, void *user)
{
    assert(id == 42 && user == NULL);
    on_resume = callback;
}
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, plugin_callback_t callback, void *user)
{
    assert(id == 42 && user == NULL);
    on_exit_ = callback;
}
void qemu_plugin_reset(qemu_plugin_id_t id, plugin_callback_t callback, void *user)
{
    assert(id == 42 && user == NULL);
    on_block = NULL;
    callback();
}
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, plugin_exec_callback_t callback, int flags,
                                          void *user)
{
    assert(tb == &block && flags == 0);
    on_block = callback;
    first_page = user;
}
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, plugin_exec_callback_t callback, int flags,
                                            void *user)
{
    assert(insn == &instructions[1] && flags == 0);
    on_second_page = callback;
    second_page = user;
}
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, plugin_access_callback_t callback, int flags,
                                      int rw, void *user)
{
    assert(insn != NULL && flags == 0 && rw == PLUGIN_READS_AND_WRITES && user == NULL);
    on_access = callback;
}
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb) { return tb->length; }
/* Every fourth page is the kernel's. */
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb)
{
    return tb->page * 4096ull + (is_kernel(tb->page) ? 0xffff800000000000 : 0);
}
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i)
{
    return tb == &block ? &instructions[i] : NULL;
}
/* The second instruction begins 5 bytes into the page after the block's: a block may cross into it. */
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *insn)
{
    uintptr_t page = (uintptr_t)ram + (block.page == BEFORE_RAM ? -3ul * 4096 : block.page * 4096ul);
    return (void *)(page + (insn == &instructions[1] ? 4101 : 4090));
}
unsigned qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t access) { return access >> 1; }
bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t access) { return access & 1; }
/* Virtual addresses are physical ones; the page after RAM is ROM, those behind it a device. */
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(qemu_plugin_meminfo_t access, uint64_t vaddr)
{
    static struct qemu_plugin_hwaddr where;
    (void)access;
    where = (struct qemu_plugin_hwaddr){vaddr, vaddr >> 12 > PAGES + HOLE};
    return &where;
}
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *where) { return where->io; }
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *where)
{
    assert(!where->io);
    return where->address;
}

/* --- what is expected, computed naively -------------------------------------------------------- */

struct record { uint64_t time_ns; uint32_t page; uint16_t vcpu; uint8_t op, zero; };
static struct record expected[2][1000000];
static size_t count[2];
static uint64_t executed; /* instructions of programs */

static void expect(unsigned vcpu, uint64_t time_ns, uint64_t page, uint8_t op)
{
    bool touched = false, same = false;
    if (page >= PAGES || time_ns >= SECONDS * 1000000000ull) {
        return;
    }
    for (size_t i = count[vcpu]; i-- > 0 && expected[vcpu][i].time_ns / EPOCH_NS == time_ns / EPOCH_NS;) {
        bool access = expected[vcpu][i].page == page && expected[vcpu][i].op < 3;
        touched |= access;
        same |= access && expected[vcpu][i].op == op;
    }
    if (!touched || (op != 0 && !same)) {
        expected[vcpu][count[vcpu]++] = (struct record){time_ns, (uint32_t)page, (uint16_t)vcpu, op, 0};
    }
}

/* Where in RAM a guest-physical page lies; the hole's are of no RAM. */
static uint64_t place(uint64_t page)
{
    return page < HOLE_START ? page : page < HOLE_START + HOLE ? PAGES : page - HOLE;
}

static void translate(void)
{
#if API >= 7
    ((void (*)(struct qemu_plugin_tb *, void *))on_translation)(&block, NULL);
#else
    ((void (*)(qemu_plugin_id_t, struct qemu_plugin_tb *))on_translation)(42, &block);
#endif
}

/* A vCPU goes idle (3) or is woken (4). */
static void turn(unsigned vcpu, uint8_t op, uint64_t time_ns)
{
    plugin_callback_t callback = op == 3 ? on_idle : on_resume;
#if API >= 7
    ((void (*)(unsigned, void *))callback)(vcpu, NULL);
#else
    ((void (*)(qemu_plugin_id_t, unsigned))callback)(42, vcpu);
#endif
    if (RING_MS == 0 && time_ns < SECONDS * 1000000000ull) {
        expected[vcpu][count[vcpu]++] = (struct record){time_ns, 0, (uint16_t)vcpu, op, 0};
    }
}

/* What the recorder says of it. */
static uint64_t told(void)
{
    uint64_t number = 0;
    FILE *file = fopen("count", "r");
    assert(file != NULL && fread(&number, sizeof number, 1, file) <= 1 && fclose(file) == 0);
    return number;
}

/* A new file each time. */
static void put(const char *name, const char *text)
{
    FILE *file = fopen("new", "w");
    assert(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0 && rename("new", name) == 0);
}

/* Of the expected records, those of the last RING_MS before `until`, counted from there. */
static void keep_window(uint64_t until)
{
    int64_t from = (int64_t)until - RING_MS * 1000000ll;
    for (unsigned vcpu = 0; vcpu < 2; vcpu++) {
        size_t kept = 0;
        for (size_t i = 0; i < count[vcpu]; i++) {
            struct record record = expected[vcpu][i];
            int64_t time = (int64_t)record.time_ns - from;
            if (time >= 0 && record.time_ns < until) {
                record.time_ns = (uint64_t)time;
                expected[vcpu][kept++] = record;
            }
        }
        count[vcpu] = kept;
    }
}

static void dump(void)
{
    unlink("out");
    put("control", "d");
    while (access("out", F_OK) != 0) {
        usleep(1000);
    }
}

int main(int argc, char **argv)
{
    char directory[] = "/tmp/recorder-test-XXXXXX";
    assert(argc == 2);
    char *path = realpath(argv[1], NULL);
    assert(path != NULL && mkdtemp(directory) != NULL && chdir(directory) == 0);
    int file = open("ram", O_RDWR | O_CREAT, 0600);
    assert(file >= 0 && ftruncate(file, PAGES * 4096) == 0);
    ram = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

    void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (plugin == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    int claimed = *(int *)dlsym(plugin, "qemu_plugin_version");
    assert(claimed <= API && (API == 1) == (claimed == 1));
    int (*install)(qemu_plugin_id_t, const struct qemu_plugin_info *, int, char **);
    install = dlsym(plugin, "qemu_plugin_install");
    char arguments[][20] = {"out=out", "ram=ram", "control=control", "epoch_us=100", "seconds=1", "instructions=count",
                            "hole=0x1e000+0x" TEXT(HOLE) "000", "ring_ms=" TEXT(RING_MS)};
    char *pointers[] = {arguments[0], arguments[1], arguments[2], arguments[3],
                        arguments[4], arguments[5], arguments[6], arguments[7]};
    struct qemu_plugin_info info = {"x86_64", {0, API}, true, {2, 2}};
    assert(install(42, &info, RING_MS > 0 ? 8 : 7, pointers) == 0);

    translate();
    on_block(0, first_page);
    assert(on_access == NULL); /* plain until asked */
    put("control", "r");
    while (on_access == NULL) {
        usleep(1000);
        on_block(0, first_page);
        if (on_block == NULL) {
            translate();
        }
    }
    while (RING_MS == 0 && access("out", F_OK) != 0) {
        usleep(1000);
    }
    usleep(50000);
    assert(RING_MS == 0 || access("out", F_OK) != 0);

    srandom(7);
    turn(1, 4, 0);
    now += 7000;
    turn(1, 3, 0);
    uint64_t start = now; /* of the first block */
    for (int i = 0; i < 150000; i++) {
        unsigned vcpu = (unsigned)random() % 2;
        block.page = random() % 40 == 0 ? BEFORE_RAM : (unsigned)random() % (PAGES - 1);
        block.length = 1 + (unsigned)random() % 2;
        translate();
        on_block(vcpu, first_page);
        expect(vcpu, now - start, block.page, 2);
        executed += now - start < SECONDS * 1000000000ull && !is_kernel(block.page) ? block.length : 0;
        uint64_t at = now;
        for (int accesses = (int)(random() % 4); accesses > 0; accesses--) {
            qemu_plugin_meminfo_t kind = (qemu_plugin_meminfo_t)(random() % 10);
            uint64_t address = (uint64_t)random() % ((PAGES + HOLE + 2) * 4096), last = address + (1u << (kind >> 1)) - 1;
            on_access(vcpu, kind, address, NULL);
            expect(vcpu, at - start, place(address >> 12), kind & 1);
            if (last >> 12 != address >> 12) {
                expect(vcpu, at - start, place(last >> 12), kind & 1);
            }
            now += (uint64_t)random() % 2000; /* accesses carry their block's time all the same */
        }
        if (block.length == 2) {
            on_second_page(vcpu, second_page);
            expect(vcpu, at - start, block.page + 1, 2);
        }
        now += (uint64_t)random() % 12000;
        if (random() % 50 == 0) {
            turn(vcpu, 3, now - start);
            now += (uint64_t)random() % 30000;
            turn(vcpu, 4, now - start);
        }
        if (RING_MS > 0 && i % 20000 == 10000) {
            dump(); /* only the last is looked at: those before it have to leave the ring as it is */
        }
        if (RING_MS > 0 && now - start > 950000000) {
            break;
        }
    }
    if (RING_MS > 0) {
        dump();
        keep_window(now - start);
    } else {
        assert(now - start > SECONDS * 1000000000ull);
    }
    for (int tries = 0; told() != executed && tries < 5000; tries++) {
        usleep(1000);
    }
    assert(told() == executed);
    on_exit_();

    struct { char magic[8]; uint32_t page_size, vcpus; uint64_t pages, epoch, zero; } header;
    struct record record;
    size_t seen[2] = {0, 0};
    FILE *out = fopen("out", "r");
    assert(out != NULL && fread(&header, sizeof header, 1, out) == 1 && memcmp(header.magic, "MIGSIMQ1", 8) == 0);
    assert(header.page_size == 4096 && header.vcpus == 2 && header.pages == PAGES);
    assert(header.epoch == EPOCH_NS && header.zero == 0);
    while (fread(&record, sizeof record, 1, out) == 1) {
        assert(record.vcpu < 2 && seen[record.vcpu] < count[record.vcpu]);
        assert(memcmp(&record, &expected[record.vcpu][seen[record.vcpu]++], sizeof record) == 0);
    }
    assert(seen[0] == count[0] && seen[1] == count[1]);
    printf("API %d, claimed %d: %zu and %zu records as expected\n", API, claimed, count[0], count[1]);
    assert(unlink("out") == 0 && unlink("ram") == 0 && unlink("control") == 0);
    assert(unlink("count") == 0);
    assert(chdir("/") == 0 && rmdir(directory) == 0);
    return 0;
}
