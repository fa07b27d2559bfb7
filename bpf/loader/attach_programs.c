/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Hangs the kernel programs up: tracepoints in every tier, and what resolves objects where trampolines work. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "include/events.h"
#include "layouts.h"
#include "machine.h"
#include "policy.h"
#include "tiers.h"
#include "tracepoint.h"

/* Names of the programs of bpf/objects.bpf.h, and of bpf/enforce.bpf.h and bpf/system.bpf.h: on_HOOK, gov_HOOK. */
#define OBJECT_PREFIX "on_"
#define DECIDER_PREFIX "gov_"
#define LINKS_MAX 128

static struct bpf_link *links[LINKS_MAX];
static int links_count;

static struct bpf_link *link_program(struct bpf_program *prog) {
    if (bpf_program__type(prog) != BPF_PROG_TYPE_TRACEPOINT)
        return bpf_program__attach_trace(prog);
    int fd = tracepoint_open(bpf_program__section_name(prog));
    if (fd < 0) {
        errno = -fd;
        return NULL;
    }
    struct bpf_link *link = bpf_program__attach_perf_event(prog, fd);
    if (!link)
        close(fd);
    return link;
}

static int hang(struct bpf_program *prog, const char **what) {
    *what = bpf_program__name(prog);
    if (links_count == LINKS_MAX)
        return -ENOSPC;
    struct bpf_link *link = link_program(prog);
    if (!link)
        return -errno;
    links[links_count++] = link;
    return 0;
}

static bool is_object_program(const struct bpf_program *prog) {
    return strncmp(bpf_program__name(prog), OBJECT_PREFIX, strlen(OBJECT_PREFIX)) == 0;
}

static bool is_decider(const struct bpf_program *prog) {
    return strncmp(bpf_program__name(prog), DECIDER_PREFIX, strlen(DECIDER_PREFIX)) == 0;
}

static const char *hook_of(const struct bpf_program *prog) {
    return bpf_program__name(prog) + strlen(is_decider(prog) ? DECIDER_PREFIX : OBJECT_PREFIX);
}

/* The function that a hook is in this tier; the kernel's own one is called otherwise here and there. */
static void function_of(const char *hook, enum tier tier, char *out, size_t size) {
    if (tier == TIER_LSM)
        snprintf(out, size, "bpf_lsm_%s", hook);
    else if (strcmp(hook, "bprm_check_security") == 0)
        snprintf(out, size, "security_bprm_check");
    else
        snprintf(out, size, "security_%s", hook);
}

/*
 * Does this kernel let a program of ours sit on the hook? Its BTF must have the function; and before 6.0 trampolines
 * take no structure by value, which path_chown's kuid_t is.
 */
static bool hook_exists(const struct btf *kernel, const char *hook, enum tier tier) {
    char function[64];
    function_of(hook, tier, function, sizeof(function));
    if (strcmp(hook, "path_chown") == 0 && btf__find_by_name_kind(kernel, "bpf_lsm_userns_create", BTF_KIND_FUNC) < 0)
        return false; /* userns_create came with 6.1, the first long-term kernel that takes them */
    return btf__find_by_name_kind(kernel, function, BTF_KIND_FUNC) > 0;
}

/* The programs on tracepoints: as they are built, for perf events, or as tp_btf programs (bpf/entry.bpf.h says why). */
static int choose_entry(struct agentgov_bpf *skel) {
    if (machine_preempts_programs()) {
        skel->rodata->by_perf = true;
        bpf_program__set_autoload(skel->progs.sched_prepare_exec, true);
        return 0;
    }
    struct bpf_program *prog;
    bpf_object__for_each_program(prog, skel->obj) {
        if (bpf_program__type(prog) != BPF_PROG_TYPE_TRACEPOINT || !bpf_program__autoload(prog))
            continue;
        const char *event = strrchr(bpf_program__section_name(prog), '/') + 1;
        bpf_program__set_type(prog, BPF_PROG_TYPE_TRACING);
        bpf_program__set_expected_attach_type(prog, BPF_TRACE_RAW_TP);
        int err = bpf_program__set_attach_target(prog, 0, event);
        if (err)
            return err;
    }
    return 0;
}

/* How many arguments the hook has on this kernel; 0 when there is no such hook. */
static int arguments_of(const struct btf *kernel, const char *hook, enum tier tier) {
    char function[64];
    function_of(hook, tier, function, sizeof(function));
    int id = btf__find_by_name_kind(kernel, function, BTF_KIND_FUNC);
    if (id < 0)
        return 0;
    const struct btf_type *type = btf__type_by_id(kernel, btf__type_by_id(kernel, id)->type);
    return type ? btf_vlen(type) : 0;
}

/* Hooks that some kernels do not have: enforce.bpf.h and system.bpf.h say where the same is asked there. */
static bool may_be_missing(const char *hook) {
    static const char *const NEWER[] = {"path_chown", "file_truncate", "task_fix_setgroups", "userns_create",
                                        "inode_init_security_anon"};
    for (size_t i = 0; i < sizeof(NEWER) / sizeof(NEWER[0]); i++)
        if (strcmp(hook, NEWER[i]) == 0)
            return true;
    return false;
}

int tier_prepare(struct agentgov_bpf *skel, enum tier tier, bool enforce) {
    int cpus = libbpf_num_possible_cpus();
    if (cpus < 0)
        return cpus;
    int err = bpf_map__set_max_entries(skel->maps.scratches, cpus * AG_SLOTS_PER_CPU);
    if (!err)
        err = choose_entry(skel);
    if (err || tier == TIER_OBSERVE)
        return err;
    struct btf *kernel = btf__load_vmlinux_btf();
    if (!kernel)
        return -errno;
    if (enforce) {
        skel->rodata->rename_has_flags = arguments_of(kernel, "path_rename", tier) > 4;
        skel->rodata->owners_by_path = hook_exists(kernel, "path_chown", tier);
        skel->rodata->setattr_dentry = arguments_of(kernel, "inode_setattr", tier) > 2;
        skel->rodata->prctl_passes = tier == TIER_LSM ? -ENOSYS : 0;
        skel->rodata->rings_by_map = arguments_of(kernel, "uring_sqpoll", tier) == 0;
        skel->rodata->groups_by_capability = arguments_of(kernel, "task_fix_setgroups", tier) == 0;
        err = policy_size(skel);
    }
    struct bpf_program *prog;
    bpf_object__for_each_program(prog, skel->obj) {
        if (err)
            break;
        bool decides = is_decider(prog);
        if (!is_object_program(prog) && !(decides && enforce))
            continue;
        const char *hook = hook_of(prog);
        if (!hook_exists(kernel, hook, tier)) {
            if (!decides || may_be_missing(hook))
                continue;
            err = -ENOTSUP;
            break;
        }
        bpf_program__set_autoload(prog, true);
        if (tier == TIER_HOOK) {
            char function[64];
            function_of(hook, tier, function, sizeof(function));
            bpf_program__set_type(prog, BPF_PROG_TYPE_TRACING);
            bpf_program__set_expected_attach_type(prog, BPF_MODIFY_RETURN);
            err = bpf_program__set_attach_target(prog, 0, function);
            if (err)
                break;
        }
    }
    btf__free(kernel);
    return err;
}

static int put_layout(struct agentgov_bpf *skel, struct bpf_map *programs, int nr, int offset,
                      const struct ag_layout *layout) {
    const struct bpf_program *handlers[AG_H_MAX] = {
        [AG_H_OPEN] = skel->progs.sx_open, [AG_H_PATH] = skel->progs.sx_path, [AG_H_SOCKET] = skel->progs.sx_socket,
        [AG_H_SEND] = skel->progs.sx_send, [AG_H_MISC] = skel->progs.sx_misc, [AG_H_ACCEPT] = skel->progs.sx_accept,
        [AG_H_MMAP] = skel->progs.sx_mmap,
    };
    if (nr < 0 || (layout->cls == AG_CLASS_TLS && !skel->rodata->tls_on))
        return 0;
    __u32 key = nr + offset;
    int err = bpf_map__update_elem(skel->maps.layouts, &key, sizeof(key), layout, sizeof(*layout), BPF_ANY);
    if (err || layout->handler == AG_H_NONE)
        return err;
    __u32 slot = nr, fd = bpf_program__fd(handlers[layout->handler]);
    return bpf_map__update_elem(programs, &slot, sizeof(slot), &fd, sizeof(fd), BPF_ANY);
}

int tier_attach(struct agentgov_bpf *skel, enum tier tier, const char **what) {
    *what = "layouts";
    for (int i = 0; i < syscall_layouts_count; i++) {
        const struct syscall_layout *call = &syscall_layouts[i];
        int err = put_layout(skel, skel->maps.by_nr, call->nr, 0, &call->layout);
        if (!err && call->layout.cls != AG_CLASS_TLS) /* libraries of 32-bit programs are not probed */
            err = put_layout(skel, skel->maps.by_nr_ia32, call->nr_ia32, AG_NR_MAX, &call->layout);
        if (err)
            return err;
    }
    if (skel->rodata->tls_on) {
        __u32 only = 0, fd = bpf_program__fd(skel->progs.sx_plain);
        int err = bpf_map__update_elem(skel->maps.plain, &only, sizeof(only), &fd, sizeof(fd), BPF_ANY);
        if (err)
            return err;
    }
    /* Exit before fork: whoever is marked by the one is unmarked by the other. */
    struct bpf_program *order[] = {
        skel->progs.sched_process_exit, skel->progs.task_newtask,    skel->progs.sched_prepare_exec,
        skel->progs.sched_process_exec, skel->progs.signal_generate, skel->progs.inet_sock_set_state,
        skel->progs.sys_exit,
    };
    for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        int err = bpf_program__autoload(order[i]) ? hang(order[i], what) : 0;
        if (err)
            return err;
    }
    if (tier == TIER_OBSERVE)
        return 0;
    struct bpf_program *prog;
    bpf_object__for_each_program(prog, skel->obj) {
        if ((!is_object_program(prog) && !is_decider(prog)) || bpf_program__fd(prog) < 0)
            continue;
        int err = hang(prog, what);
        if (err)
            return err;
    }
    return 0;
}

static enum ag_class class_of(const struct bpf_program *prog, const struct agentgov_bpf *skel) {
    if (prog == skel->progs.inet_sock_set_state || prog == skel->progs.dns_ingress)
        return AG_CLASS_NETWORK;
    if (prog == skel->progs.signal_generate)
        return AG_CLASS_SECURITY;
    if (bpf_program__type(prog) == BPF_PROG_TYPE_KPROBE || prog == skel->progs.sx_mmap)
        return AG_CLASS_TLS;
    if (is_decider(prog)) /* a verdict that was not reached is no event that is missing */
        return AG_CLASS_SECURITY;
    return is_object_program(prog) || prog == skel->progs.sys_exit ? AG_CLASS_FILE : AG_CLASS_PROCESS;
}

static __u64 missed_by(const struct bpf_program *prog) {
    struct bpf_prog_info info = {};
    __u32 len = sizeof(info);
    if (bpf_program__fd(prog) < 0 || bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
        return 0;
    return info.recursion_misses;
}

void tier_missed(struct agentgov_bpf *skel, __u64 missed[AG_CLASS_MAX]) {
    struct bpf_program *prog;
    for (int i = 0; i < AG_CLASS_MAX; i++)
        missed[i] = 0;
    bpf_object__for_each_program(prog, skel->obj) missed[class_of(prog, skel)] += missed_by(prog);
}

int tier_pin(const char *folder) {
    char path[4096];
    for (int i = 0; i < links_count; i++) {
        snprintf(path, sizeof(path), "%s/link_%d", folder, i);
        if (bpf_obj_pin(bpf_link__fd(links[i]), path))
            return -errno;
    }
    return 0;
}

void tier_detach(void) {
    dns_detach();
    while (links_count > 0)
        bpf_link__destroy(links[--links_count]);
}
