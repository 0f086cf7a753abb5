/*
 * The few functions of QEMU's TCG plugin interface that the recorder uses, declared here so that it
 * builds without QEMU's own header (which is GPL and in no Debian package of QEMU 7.2).
 *
 * The functions and types below are the same in every API version from 1 (QEMU 6.0-8.2) to 7
 * (QEMU 11.1), with one exception: version 7 dropped the plugin's id from callbacks and gave all of
 * them a user pointer. Registration of those callbacks is declared with an untyped callback;
 * recorder.c passes the right one for the version that QEMU reports at load time.
 */
#ifndef MIGSIM_PLUGIN_API_H
#define MIGSIM_PLUGIN_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;

struct qemu_plugin_tb;     /* a translation block, valid while it is being translated */
struct qemu_plugin_insn;   /* an instruction of it */
struct qemu_plugin_hwaddr; /* where an access went, valid within its callback */

struct qemu_plugin_info {
    const char *target_name;
    struct {
        int min, current;
    } version;
    bool system_emulation;
    struct {
        int smp, max;
    } vcpus;
};

enum { PLUGIN_NO_REGISTERS = 0 };                 /* the callback looks at no guest register */
enum { PLUGIN_READS = 1, PLUGIN_WRITES = 2, PLUGIN_READS_AND_WRITES = 3 };

typedef void (*plugin_callback_t)(void);
typedef void (*plugin_exec_callback_t)(unsigned int vcpu, void *user);
typedef void (*plugin_access_callback_t)(unsigned int vcpu, qemu_plugin_meminfo_t access,
                                         uint64_t vaddr, void *user);

/* Callback until version 6: (id, tb); from 7: (tb, user). */
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, plugin_callback_t callback, void *user);
/* Callbacks until version 6: (id, vcpu); from 7: (vcpu, user). */
void qemu_plugin_register_vcpu_idle_cb(qemu_plugin_id_t id, plugin_callback_t callback, void *user);
void qemu_plugin_register_vcpu_resume_cb(qemu_plugin_id_t id, plugin_callback_t callback, void *user);
/* Callback until version 6: (id, user); from 7: (user). */
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, plugin_callback_t callback, void *user);
/* Callback until version 6: (id); from 7: (user). Drops every callback and all translated code. */
void qemu_plugin_reset(qemu_plugin_id_t id, plugin_callback_t callback, void *user);

void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, plugin_exec_callback_t callback,
                                          int flags, void *user);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, plugin_exec_callback_t callback,
                                            int flags, void *user);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, plugin_access_callback_t callback,
                                      int flags, int reads_or_writes, void *user);

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *insn); /* in the host's address space */

unsigned int qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t access);
bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t access); /* also for an atomic read-modify-write */
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(qemu_plugin_meminfo_t access, uint64_t vaddr);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *where);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *where);

#endif
