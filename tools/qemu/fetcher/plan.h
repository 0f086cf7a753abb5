/*
 * A plan as `migsim plan --format binary` writes it: a header, the pages, a checksum. Nothing in it is trusted.
 */
#ifndef MIGSIM_PLAN_H
#define MIGSIM_PLAN_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct plan_header {
    char magic[8];
    uint32_t version, page_size;
    uint64_t pages, count;
};

struct planned_page {
    uint32_t page;
    uint8_t why, reserved[3];
    uint64_t next_touch_ns;
};

_Static_assert(sizeof(struct plan_header) == 32 && sizeof(struct planned_page) == 16, "the file format");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file is read as it lies in memory");

struct plan {
    uint64_t page_size, count;
    struct planned_page *pages; /* within bytes */
    unsigned char *bytes;
};

/* A plan names each page of the VM once at most: more than that for 4 TiB of 4 KiB pages is none. */
#define LARGEST_PLAN (UINT64_C(1) << 34)

static uint32_t crc32c(const unsigned char *bytes, size_t size)
{
    uint32_t table[256], crc = ~0u;
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++) {
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0x82f63b78u : 0);
        }
    }
    for (size_t i = 0; i < size; i++) {
        crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 255];
    }
    return ~crc;
}

static void free_plan(struct plan *plan)
{
    free(plan->bytes);
    *plan = (struct plan){0};
}

/* What is wrong with the bytes of a plan for so much guest RAM, or NULL. */
static const char *check_plan(const unsigned char *bytes, uint64_t size, uint64_t ram_size, struct plan *plan)
{
    struct plan_header header;
    uint32_t checksum;
    if (size < sizeof header || memcmp(bytes, "MIGSIMPL", 8) != 0) {
        return "no plan of migsim";
    }
    memcpy(&header, bytes, sizeof header);
    if (header.version != 1) {
        return "a plan of another version, expected 1";
    }
    if (header.count > LARGEST_PLAN / sizeof(struct planned_page)
        || size != sizeof header + header.count * sizeof(struct planned_page) + sizeof checksum) {
        return "not as long as its header says";
    }
    memcpy(&checksum, bytes + size - sizeof checksum, sizeof checksum);
    if (checksum != crc32c(bytes, size - sizeof checksum)) {
        return "damaged: its checksum does not fit";
    }
    if (header.page_size == 0 || ram_size == 0 || header.pages != (ram_size - 1) / header.page_size + 1) {
        return "made for a guest with another amount of RAM";
    }
    plan->page_size = header.page_size;
    plan->count = header.count;
    plan->pages = (struct planned_page *)(bytes + sizeof header);
    for (uint64_t i = 0; i < header.count; i++) {
        if (plan->pages[i].page >= header.pages) {
            return "it names a page beyond guest RAM";
        }
    }
    return NULL;
}

/* Reads and checks a plan; false, and what is the problem, if there is none that can be followed. */
static bool read_plan(const char *name, uint64_t ram_size, struct plan *plan, const char **problem)
{
    struct stat status;
    *plan = (struct plan){0};
    *problem = "cannot be read";
    /* Not blocking: it might be a pipe that nobody writes to. */
    int file = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
        *problem = strerror(errno);
        return false;
    }
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode) || (uint64_t)status.st_size > LARGEST_PLAN) {
        *problem = "no file of a plan's size";
        close(file);
        return false;
    }
    uint64_t size = (uint64_t)status.st_size, done = 0;
    plan->bytes = malloc(size + 1);
    while (plan->bytes != NULL && done < size) {
        ssize_t part = read(file, plan->bytes + done, size - done);
        if (part == 0 || (part < 0 && errno != EINTR)) {
            break;
        }
        done += part > 0 ? (uint64_t)part : 0;
    }
    close(file);
    if (plan->bytes != NULL && done == size) {
        *problem = check_plan(plan->bytes, size, ram_size, plan);
    }
    if (*problem != NULL) {
        free_plan(plan);
    }
    return *problem == NULL;
}

#endif
