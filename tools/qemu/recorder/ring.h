/*
 * The recording's format, and a ring that keeps a vCPU's latest records in memory.
 */
#ifndef MIGSIM_RING_H
#define MIGSIM_RING_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

struct header {
    char magic[8];
    uint32_t page_size, vcpus;
    uint64_t pages, compaction_ns, reserved;
};

struct record {
    uint64_t time_ns;
    uint32_t page;
    uint16_t vcpu;
    uint8_t op, reserved;
};

_Static_assert(sizeof(struct header) == 40 && sizeof(struct record) == 16, "the file format");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "records are written as they lie in memory");

#define RING_RECORDS (UINT64_C(1) << 20)

struct ring {
    pthread_mutex_t lock;
    struct record *records;
    uint64_t appended; /* in all */
};

static bool ring_prepare(struct ring *ring)
{
    pthread_mutex_init(&ring->lock, NULL);
    ring->records = calloc(RING_RECORDS, sizeof *ring->records);
    return ring->records != NULL;
}

static void ring_append(struct ring *ring, struct record record)
{
    pthread_mutex_lock(&ring->lock);
    ring->records[ring->appended++ % RING_RECORDS] = record;
    pthread_mutex_unlock(&ring->lock);
}

/*
 * Copies the records of [from, from + length_ns) in their order, with times counted from there, and returns how many.
 * Clears `whole` if older ones of that window have been overwritten. The vCPU waits meanwhile if it has something to
 * append: some milliseconds if the ring is full.
 */
static size_t ring_copy(struct ring *ring, int64_t from, uint64_t length_ns, struct record *copy, bool *whole)
{
    size_t count = 0;
    pthread_mutex_lock(&ring->lock);
    uint64_t oldest = ring->appended > RING_RECORDS ? ring->appended - RING_RECORDS : 0;
    for (uint64_t i = oldest; i < ring->appended; i++) {
        struct record record = ring->records[i % RING_RECORDS];
        int64_t time = (int64_t)record.time_ns - from;
        if (time >= 0 && time < (int64_t)length_ns) {
            record.time_ns = (uint64_t)time;
            copy[count++] = record;
        }
    }
    if (oldest > 0 && (int64_t)ring->records[oldest % RING_RECORDS].time_ns > from) {
        *whole = false;
    }
    pthread_mutex_unlock(&ring->lock);
    return count;
}

#endif
