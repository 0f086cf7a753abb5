/*
 * The synthetic workloads, and the data of two of the real ones.
 *
 *   work seq|rand|zipf MIB | matmul ORDER      run for ever; print READY, then PROGRESS counts
 *   work verify MIB                            the same, and LOST for each page that is not as it was left
 *   work text MIB | queries ROWS               print lines to sort; print SQL statements for ever
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_PER_PAGE 512

static uint64_t state = 1;

/* splitmix64: the same sequence in every run. */
static uint64_t next(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static void *buffer(size_t size)
{
    void *memory = aligned_alloc(4096, size);
    if (memory == NULL) {
        fputs("FAILED out of memory\n", stdout);
        exit(1);
    }
    memset(memory, 1, size);
    return memory;
}

static void progress(uint64_t count, uint64_t every)
{
    if (count % every == 0) {
        printf("PROGRESS %llu\n", (unsigned long long)count);
    }
}

static void seq(size_t pages)
{
    uint64_t *memory = buffer(pages * 4096);
    puts("READY");
    for (uint64_t n = 1;; n++) {
        uint64_t *page = memory + (n % pages) * WORDS_PER_PAGE;
        for (int i = 0; i < WORDS_PER_PAGE; i++) {
            page[i] = n;
        }
        progress(n, 10000);
    }
}

static void rand_(size_t pages)
{
    uint64_t *memory = buffer(pages * 4096);
    puts("READY");
    for (uint64_t n = 1;; n++) {
        uint64_t *page = memory + next() % pages * WORDS_PER_PAGE;
        for (int i = 0; i < WORDS_PER_PAGE; i++) {
            page[i] += n;
        }
        progress(n, 10000);
    }
}

/*
 * Sweep n finds n - 1 in every word of a page, and writes n. The number itself stays in a register: a migration that loses a
 * write can't lose it, too.
 */
static void verify(size_t pages)
{
    uint64_t *memory = buffer(pages * 4096);
    memset(memory, 0, pages * 4096);
    puts("READY");
    for (uint64_t n = 1;; n++) {
        size_t lost = 0;
        for (size_t p = 0; p < pages; p++) {
            uint64_t *page = memory + p * WORDS_PER_PAGE, differ = 0;
            for (int i = 0; i < WORDS_PER_PAGE; i++) {
                differ |= page[i] ^ (n - 1);
                page[i] = n;
            }
            lost += differ != 0;
        }
        if (lost > 0) {
            printf("LOST %zu pages in sweep %llu\n", lost, (unsigned long long)n);
        }
        progress(n, 10);
    }
}

static void zipf(size_t pages)
{
    uint64_t *memory = buffer(pages * 4096);
    double *cumulative = malloc(pages * sizeof *cumulative), sum = 0;
    uint32_t *place = malloc(pages * sizeof *place);
    for (size_t i = 0; i < pages; i++) {
        size_t j = next() % (i + 1);
        cumulative[i] = sum += pow((double)(i + 1), -0.99);
        place[i] = place[j];
        place[j] = (uint32_t)i;
    }
    puts("READY");
    uint64_t total = 0;
    for (uint64_t n = 1;; n++) {
        double wanted = (double)(next() >> 11) * 0x1p-53 * sum;
        size_t low = 0, high = pages - 1;
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (cumulative[middle] < wanted) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        const volatile uint64_t *page = memory + (size_t)place[low] * WORDS_PER_PAGE;
        for (int i = 0; i < WORDS_PER_PAGE; i++) {
            total += page[i];
        }
        progress(n, 10000);
    }
}

static void matmul(size_t order)
{
    double *a = buffer(order * order * sizeof *a), *b = buffer(order * order * sizeof *b);
    double *c = buffer(order * order * sizeof *c);
    puts("READY");
    for (uint64_t row = 0;; row++) {
        double *sums = c + row % order * order;
        memset(sums, 0, order * sizeof *sums);
        for (size_t k = 0; k < order; k++) {
            double factor = a[row % order * order + k];
            for (size_t j = 0; j < order; j++) {
                sums[j] += factor * b[k * order + j];
            }
        }
        progress(row + 1, 1);
    }
}

static void text(size_t size)
{
    for (size_t printed = 0; printed < size << 20; printed += 49) {
        printf("%016llx %016llx %014llu\n", (unsigned long long)next(), (unsigned long long)next(),
               (unsigned long long)(next() % 100000000000000));
    }
}

/* Half of the statements go to a tenth of the rows, as tends to be. */
static void queries(size_t rows)
{
    for (uint64_t n = 1;; n++) {
        unsigned long long id = next() % (next() % 2 ? rows : rows / 10) + 1;
        switch (next() % 10) {
        case 0:
            printf("UPDATE item SET price = price + 1, note = note || 'x' WHERE id = %llu;\n", id);
            break;
        case 1:
            printf("DELETE FROM item WHERE id = %llu;\n", id);
            printf("INSERT INTO item VALUES (%llu, %llu, %llu, hex(randomblob(160)));\n", id, id % 20011, id % 10007);
            break;
        case 2:
            printf("SELECT owner, count(*), sum(price) FROM item WHERE price = %llu GROUP BY owner;\n",
                   id % 10007);
            break;
        case 3:
            printf("SELECT sum(length(note)) FROM item WHERE id BETWEEN %llu AND %llu;\n", id, id + 500);
            break;
        case 4:
        case 5:
            printf("SELECT id, note FROM item WHERE owner = %llu ORDER BY price;\n", id % 20011);
            break;
        default:
            printf("SELECT note FROM item WHERE id = %llu;\n", id);
        }
        if (n % 50 == 0) {
            printf("SELECT 'PROGRESS %llu';\n", (unsigned long long)n);
        }
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(size_t);
        size_t unit;
        int buffering;
    } kinds[] = {
        {"seq", seq, 256, _IOLBF},       {"rand", rand_, 256, _IOLBF}, {"zipf", zipf, 256, _IOLBF},
        {"verify", verify, 256, _IOLBF}, {"matmul", matmul, 1, _IOLBF}, {"text", text, 1, _IOFBF},
        {"queries", queries, 1, _IOFBF},
    };
    for (size_t i = 0; argc == 3 && i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(argv[1], kinds[i].name) == 0) {
            setvbuf(stdout, NULL, kinds[i].buffering, 1 << 16);
            kinds[i].run((size_t)atol(argv[2]) * kinds[i].unit);
            return 0;
        }
    }
    fputs("usage: work seq|rand|zipf|verify|text MIB | matmul ORDER | queries ROWS\n", stderr);
    return 2;
}
