/*
 * What the plugins need while QEMU loads them: a word on standard error, their arguments' numbers, the API's version, and
 * where guest RAM lies. A plugin is one file that includes this once, after defining PLUGIN, its name in messages.
 */
#ifndef MIGSIM_LOADING_H
#define MIGSIM_LOADING_H

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define EXPORT __attribute__((visibility("default")))

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* On standard error. */
static void complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs(PLUGIN ": ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

/*
 * Guest RAM is a file mapped by QEMU. Returns where, and its size; 0, after a complaint, if it is not. The size of the
 * mapping tells main memory from ROM and device memory.
 */
static uintptr_t find_guest_ram(const char *name, uint64_t *size)
{
    struct stat ram;
    char line[4096];
    uintptr_t base = 0, low, high;
    uint64_t offset, inode;
    if (stat(name, &ram) != 0) {
        complain("cannot find guest RAM's file %s: %s", name, strerror(errno));
        return 0;
    }
    *size = (uint64_t)ram.st_size;
    FILE *maps = fopen("/proc/self/maps", "re");
    if (maps == NULL) {
        complain("cannot read /proc/self/maps: %s", strerror(errno));
        return 0;
    }
    while (base == 0 && fgets(line, sizeof line, maps) != NULL) {
        int fields = sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %" SCNx64 " %*s %" SCNu64,
                            &low, &high, &offset, &inode);
        if (fields == 4 && inode == ram.st_ino && offset == 0 && high - low == (uintptr_t)ram.st_size) {
            base = low;
        }
    }
    fclose(maps);
    if (base == 0) {
        complain("QEMU has not mapped %s as guest RAM", name);
    }
    return base;
}

/*
 * QEMU accepts a plugin whose version lies between its oldest supported and its own. What the plugins use is in all
 * of them, so the version to claim is found when the plugin is loaded, from functions that came and went with versions.
 */
EXPORT int qemu_plugin_version = 2;

__attribute__((constructor)) static void claim_version(void)
{
    const char *forced = getenv("MIGSIM_PLUGIN_API");
    if (forced != NULL) {
        qemu_plugin_version = atoi(forced);
    } else if (dlsym(RTLD_DEFAULT, "qemu_plugin_n_vcpus") != NULL) {
        qemu_plugin_version = 1;
    } else if (dlsym(RTLD_DEFAULT, "qemu_plugin_set_pc") != NULL) {
        qemu_plugin_version = 6;
    }
}

static bool parse_number(const char *value, uint64_t least, uint64_t most, uint64_t unit, uint64_t *result)
{
    char *end;
    errno = 0;
    uint64_t number = strtoull(value, &end, 10);
    *result = number * unit;
    return errno == 0 && *value >= '0' && *value <= '9' && *end == '\0' && number >= least && number <= most;
}

#endif
