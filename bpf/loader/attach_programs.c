/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Hangs the kernel programs up: tracepoints in every tier, and what resolves objects where trampolines work. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/perf_event.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "include/events.h"
#include "layouts.h"
#include "links.h"
#include "loaded.h"
#include "machine.h"
#include "policy.h"
#include "tiers.h"
#include "tracepoint.h"

/* Names of the programs of bpf/objects.bpf.h, and of bpf/enforce*.bpf.h and bpf/system.bpf.h: on_HOOK, gov_HOOK. */
#define OBJECT_PREFIX "on_"
#define DECIDER_PREFIX "gov_"
#define COPY_PREFIX "copy"   /* copyN_HOOK (bpf/copies.bpf.h) */
#define AGAIN_PREFIX "again" /* againN_EVENT (bpf/process.bpf.h) */

#define ENOPARAM 519 /* include/linux/errno.h */

/*
 * A link for a program. Where the kernel has none for perf events (before 5.15), the event itself: the program is at it
 * as long as somebody has that open.
 */
static int link_program(const struct bpf_program *prog) {
    if (bpf_program__type(prog) != BPF_PROG_TYPE_TRACEPOINT) {
        int link = bpf_raw_tracepoint_open(NULL, loaded_fd(prog));
        return link < 0 ? -errno : link;
    }
    int event = tracepoint_open(bpf_program__section_name(prog));
    if (event < 0)
        return event;
    int link = bpf_link_create(loaded_fd(prog), event, BPF_PERF_EVENT, NULL);
    int err = link < 0 && ioctl(event, PERF_EVENT_IOC_SET_BPF, loaded_fd(prog)) ? -errno : 0;
    if (!err && ioctl(event, PERF_EVENT_IOC_ENABLE, 0))
        err = -errno;
    if (!err && link < 0)
        return event;
    close(event);
    if (err && link >= 0)
        close(link);
    return err ? err : link;
}

static int hang(const struct bpf_program *prog, const char **what) {
    *what = bpf_program__name(prog);
    int link = link_program(prog);
    return link < 0 ? link : links_add(link);
}

static bool is_object_program(const struct bpf_program *prog) {
    return strncmp(bpf_program__name(prog), OBJECT_PREFIX, strlen(OBJECT_PREFIX)) == 0;
}

static bool is_decider(const struct bpf_program *prog) {
    return strncmp(bpf_program__name(prog), DECIDER_PREFIX, strlen(DECIDER_PREFIX)) == 0;
}

static bool is_copy(const struct bpf_program *prog) {
    return strncmp(bpf_program__name(prog), COPY_PREFIX, strlen(COPY_PREFIX)) == 0;
}

static bool is_again(const struct bpf_program *prog) {
    return strncmp(bpf_program__name(prog), AGAIN_PREFIX, strlen(AGAIN_PREFIX)) == 0;
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
    else if (strcmp(hook, "userns_create") == 0)
        snprintf(out, size, "security_create_user_ns");
    else
        snprintf(out, size, "security_%s", hook);
}

/* Puts a program at the kernel's function itself, as tier hook does. */
static int put_at_function(struct bpf_program *prog, const char *hook) {
    char function[64];
    function_of(hook, TIER_HOOK, function, sizeof(function));
    bpf_program__set_type(prog, BPF_PROG_TYPE_TRACING);
    bpf_program__set_expected_attach_type(prog, BPF_MODIFY_RETURN);
    return bpf_program__set_attach_target(prog, 0, function);
}

static struct bpf_program *copy_of(struct agentgov_bpf *skel, int copy, const char *hook) {
    char name[64];
    snprintf(name, sizeof(name), COPY_PREFIX "%d_%s", copy, hook);
    return bpf_object__find_program_by_name(skel->obj, name);
}

static struct bpf_program *decider_at(struct agentgov_bpf *skel, const char *hook) {
    char name[64];
    snprintf(name, sizeof(name), DECIDER_PREFIX "%s", hook);
    return bpf_object__find_program_by_name(skel->obj, name);
}

static struct bpf_map *map_of_copies(struct agentgov_bpf *skel, const char *hook) {
    char name[64];
    snprintf(name, sizeof(name), "decides_%s", hook);
    return bpf_object__find_map_by_name(skel->obj, name);
}

/* The copies of a program that decides are there with it, or not at all. */
static int prepare_copies(struct agentgov_bpf *skel, const char *hook, bool wanted) {
    int err = bpf_map__set_autocreate(map_of_copies(skel, hook), wanted);
    for (int copy = 0; copy < AG_COPIES && wanted && !err; copy++) {
        bpf_program__set_autoload(copy_of(skel, copy, hook), true);
        err = put_at_function(copy_of(skel, copy, hook), hook);
    }
    return err;
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
    struct bpf_program *prog;
    if (machine_preempts_programs()) {
        skel->rodata->by_perf = true;
        bpf_program__set_autoload(skel->progs.sched_prepare_exec, true);
        bpf_object__for_each_program(prog, skel->obj) {
            if (is_again(prog))
                bpf_program__set_autoload(prog, true);
        }
        return 0;
    }
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

/* Hooks that some kernels do not have: enforce*.bpf.h and system.bpf.h say where the same is asked there. */
static bool may_be_missing(const char *hook) {
    static const char *const NEWER[] = {
        "path_chown",    "file_truncate",    "task_fix_setgroups", "userns_create", "inode_init_security_anon",
        "inode_set_acl", "inode_remove_acl", "inode_file_setattr"};
    for (size_t i = 0; i < sizeof(NEWER) / sizeof(NEWER[0]); i++)
        if (strcmp(hook, NEWER[i]) == 0)
            return true;
    return false;
}

/* Before 6.1 some calls are not asked about at hooks of their own. */
static bool needs_copies(const struct btf *kernel, enum tier tier, bool enforce) {
    return enforce && tier == TIER_HOOK && machine_preempts_trampolines() &&
           hook_exists(kernel, "userns_create", TIER_LSM);
}

static int announce_copies(struct agentgov_bpf *skel) {
    skel->rodata->copied = true;
    bpf_program__set_autoload(skel->progs.sx_unasked, true);
    return bpf_map__set_max_entries(skel->maps.notes, AG_NOTE_ROWS);
}

int tier_prepare(struct agentgov_bpf *skel, struct agent_maps *own, enum tier tier, bool enforce) {
    int cpus = libbpf_num_possible_cpus();
    if (cpus < 0)
        return cpus;
    int err = bpf_map__set_max_entries(skel->maps.scratches, cpus * AG_SLOTS_PER_CPU);
    struct bpf_program *prog;
    bpf_object__for_each_program(prog, skel->obj) {
        if (!err && is_decider(prog))
            err = prepare_copies(skel, hook_of(prog), false);
    }
    if (err || tier == TIER_OBSERVE)
        return err ? err : choose_entry(skel);
    struct btf *kernel = btf__load_vmlinux_btf();
    if (!kernel)
        return -errno;
    if (needs_copies(kernel, tier, enforce))
        err = announce_copies(skel);
    if (!err)
        err = choose_entry(skel);
    if (!err && enforce) {
        skel->rodata->rename_has_flags = arguments_of(kernel, "path_rename", tier) > 4;
        skel->rodata->owners_by_path = hook_exists(kernel, "path_chown", tier);
        skel->rodata->setattr_dentry = arguments_of(kernel, "inode_setattr", tier) > 2;
        skel->rodata->xattr_dentry = arguments_of(kernel, "inode_removexattr", tier) > 2;
        skel->rodata->prctl_passes = tier == TIER_LSM ? -ENOSYS : 0;
        skel->rodata->parameter_passes = tier == TIER_LSM ? -ENOPARAM : 0;
        skel->rodata->rings_by_map = arguments_of(kernel, "uring_sqpoll", tier) == 0;
        skel->rodata->groups_by_capability = arguments_of(kernel, "task_fix_setgroups", tier) == 0;
        policy_size(skel, own);
    }
    bpf_object__for_each_program(prog, skel->obj) {
        if (err)
            break;
        bool decides = is_decider(prog);
        if (!is_object_program(prog) && !(decides && enforce))
            continue;
        const char *hook = hook_of(prog);
        if (!decides && enforce && decider_at(skel, hook)) /* which tells the object as well */
            continue;
        if (!hook_exists(kernel, hook, tier)) {
            if (!decides || may_be_missing(hook))
                continue;
            err = -ENOTSUP;
            break;
        }
        bpf_program__set_autoload(prog, true);
        if (tier == TIER_HOOK)
            err = put_at_function(prog, hook);
        if (!err && decides && skel->rodata->copied)
            err = prepare_copies(skel, hook, true);
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
    __u32 slot = nr, fd = loaded_fd(handlers[layout->handler]);
    return bpf_map__update_elem(programs, &slot, sizeof(slot), &fd, sizeof(fd), BPF_ANY);
}

static int put_program(struct bpf_map *programs, struct bpf_program *prog) {
    __u32 only = 0, fd = loaded_fd(prog);
    return bpf_map__update_elem(programs, &only, sizeof(only), &fd, sizeof(fd), BPF_ANY);
}

/* The kernel runs first what was hung up last (__bpf_trampoline_link_prog() in kernel/bpf/trampoline.c). */
static int hang_copies(struct agentgov_bpf *skel, struct bpf_program *decider, const char **what) {
    const char *hook = hook_of(decider);
    int err = put_program(map_of_copies(skel, hook), decider);
    for (int copy = AG_COPIES - 1; copy >= 0 && !err; copy--)
        err = hang(copy_of(skel, copy, hook), what);
    return err;
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
    bool copied = skel->rodata->copied;
    int err = skel->rodata->tls_on ? put_program(skel->maps.plain, skel->progs.sx_plain) : 0;
    if (!err && copied)
        err = put_program(skel->maps.unasked, skel->progs.sx_unasked);
    if (err)
        return err;
    /* Exit before fork: whoever is marked by the one is unmarked by the other. */
    struct bpf_program *order[] = {
        skel->progs.sched_process_exit,       skel->progs.task_newtask,    skel->progs.sched_prepare_exec,
        skel->progs.sched_process_exec,       skel->progs.signal_generate, skel->progs.inet_sock_set_state,
        copied ? NULL : skel->progs.sys_exit,
    };
    for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        err = order[i] && bpf_program__autoload(order[i]) ? hang(order[i], what) : 0;
        if (err)
            return err;
    }
    struct bpf_program *prog;
    bpf_object__for_each_program(prog, skel->obj) {
        err = is_again(prog) && bpf_program__autoload(prog) ? hang(prog, what) : 0;
        if (err)
            return err;
    }
    if (tier == TIER_OBSERVE)
        return 0;
    bpf_object__for_each_program(prog, skel->obj) {
        if ((!is_object_program(prog) && !is_decider(prog)) || loaded_fd(prog) < 0)
            continue;
        err = copied && is_decider(prog) ? hang_copies(skel, prog, what) : hang(prog, what);
        if (err)
            return err;
    }
    if (!copied)
        return 0;
    /* What kills who was not asked is there only while those that ask are: it hangs last, and is the first to go. */
    return hang(skel->progs.sys_exit, what);
}

static enum ag_class class_of(const struct bpf_program *prog, const struct agentgov_bpf *skel) {
    if (prog == skel->progs.inet_sock_set_state || prog == skel->progs.dns_ingress)
        return AG_CLASS_NETWORK;
    if (prog == skel->progs.signal_generate)
        return AG_CLASS_SECURITY;
    if (bpf_program__type(prog) == BPF_PROG_TYPE_KPROBE || prog == skel->progs.sx_mmap)
        return AG_CLASS_TLS;
    if (is_decider(prog) || is_copy(prog)) /* a verdict that was not reached, which is no event that is missing */
        return AG_CLASS_VERDICT;
    return is_object_program(prog) || prog == skel->progs.sys_exit ? AG_CLASS_FILE : AG_CLASS_PROCESS;
}

static __u64 missed_by(const struct bpf_program *prog) {
    struct bpf_prog_info info = {};
    __u32 len = sizeof(info);
    if (loaded_fd(prog) < 0 || bpf_obj_get_info_by_fd(loaded_fd(prog), &info, &len))
        return 0;
    return info.recursion_misses;
}

void tier_missed(struct agentgov_bpf *skel, __u64 missed[AG_CLASS_MAX]) {
    struct bpf_program *prog;
    for (int i = 0; i < AG_CLASS_MAX; i++)
        missed[i] = 0;
    bpf_object__for_each_program(prog, skel->obj) {
        if (!is_again(prog)) /* makes no record: without it nothing is missing */
            missed[class_of(prog, skel)] += missed_by(prog);
    }
}

/* What a table of programs holds is gone with the last one who has that table, links to others do not count. */
static int pin_copies(struct agentgov_bpf *skel, const char *folder) {
    struct bpf_program *prog;
    char path[4096];
    bpf_object__for_each_program(prog, skel->obj) {
        if (!is_decider(prog) || loaded_fd(prog) < 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, bpf_program__name(prog));
        if (bpf_obj_pin(bpf_map__fd(map_of_copies(skel, hook_of(prog))), path))
            return -errno;
    }
    snprintf(path, sizeof(path), "%s/sx_unasked", folder);
    return bpf_obj_pin(bpf_map__fd(skel->maps.unasked), path) ? -errno : 0;
}

int tier_pin(struct agentgov_bpf *skel, const char *folder) {
    char path[4096];
    int err = skel->rodata->copied ? pin_copies(skel, folder) : 0;
    if (err)
        return err;
    for (__u32 i = 0; i < skel->bss->set.tier_links; i++) {
        snprintf(path, sizeof(path), "%s/link_%u", folder, i);
        if (bpf_obj_pin(links_fd(i), path))
            return -errno;
    }
    return 0;
}
