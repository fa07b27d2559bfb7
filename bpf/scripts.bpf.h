/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which script each process runs: the file that execve was given where what runs is its interpreter. The kernel forgets
 * it with the exec, so its name of then is kept here, while some policy names scripts.
 *
 * A process changes its program when it gets the memory of the new one, and so does its script: it is kept under that
 * memory before the exec (bprm_check_security) and holds from the very step at which `exe` changes. An exec that fails
 * changes nothing. So a process has two places, of which one is for the exec that may come; execs of one process come
 * one after the other (signal->cred_guard_mutex). A child has what its parent has (task_newtask).
 *
 * What is not known here, because the table was full or the name too long, may be any script: see script_is_lost().
 */
#ifndef AGENTGOV_SCRIPTS_H
#define AGENTGOV_SCRIPTS_H

struct script_key {
    __u32 tgid;
    __u32 place; /* 0 or 1 */
};

struct script {
    __u64 mm;                /* of the process while it runs this */
    __u32 dev;               /* of the file system that the names lead through: sb->s_dev */
    __u16 bytes;             /* of the names */
    __u8 found;              /* it is a script: an interpreter was asked about as well */
    __u8 lost;               /* its name is longer than fits */
    char names[AG_PATH_MAX]; /* from the root of the file system to the leaf, each behind a byte that is its length */
};

/* Its room is set by the loader: that of policy.h where there is something to enforce. */
PER_AGENT(
    scripts, struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __uint(max_entries, 1);
        __uint(map_flags, BPF_F_NO_PREALLOC);
        __uint(key_size, sizeof(struct script_key));
        __uint(value_size, sizeof(struct script));
    });

/*
 * Some process may run a script that is not in the table. From then on whoever has none in it may run any: what rules
 * forbid to a script is forbidden to them, and what rules allow is not allowed.
 */
static __always_inline void script_is_lost(__u32 agent) {
    agent_row(agent)->scripts_lost = 1;
    count_lost_of(agent, AG_CLASS_SECURITY, AG_LOSS_TABLE_FULL);
}

/* What a process keeps under this memory, or NULL. */
static __always_inline struct script *script_under(__u32 agent, __u32 tgid, __u64 mm) {
    void *own = map_of(&scripts, agent);
    if (!own)
        return NULL;
#pragma unroll
    for (int place = 0; place < 2; place++) {
        struct script_key key = {.tgid = tgid, .place = place};
        struct script *script = bpf_map_lookup_elem(own, &key);
        if (script && script->mm == mm)
            return script;
    }
    return NULL;
}

static __always_inline void scripts_of_ended(__u32 agent, __u32 tgid) {
    void *own = map_of(&scripts, agent);
    if (!own)
        return;
#pragma unroll
    for (int place = 0; place < 2; place++) {
        struct script_key key = {.tgid = tgid, .place = place};
        bpf_map_delete_elem(own, &key);
    }
}

/* After an exec: what was kept for the program before, and what turned out to be no script. */
static __always_inline void scripts_of_past(__u32 agent, __u32 tgid, __u64 mm) {
    void *own = map_of(&scripts, agent);
    if (!own)
        return;
#pragma unroll
    for (int place = 0; place < 2; place++) {
        struct script_key key = {.tgid = tgid, .place = place};
        struct script *script = bpf_map_lookup_elem(own, &key);
        if (script && (script->mm != mm || !script->found))
            bpf_map_delete_elem(own, &key);
    }
}

/* In the parent, before the child can run. `child` is NULL where it was not found: then it may be anything. */
static __always_inline void script_for_child(__u32 agent, __u32 tgid, __u32 pid, struct task_struct *child) {
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    struct script *script = script_under(agent, tgid, (__u64)BPF_CORE_READ(task, mm));
    struct script_key key = {.tgid = pid};
    scripts_of_ended(agent, pid); /* of who had the number before, where the exit program was skipped */
    void *own = map_of(&scripts, agent);
    if (!own || !script || !script->found)
        return;
    struct script *there = NULL;
    if (child && !bpf_map_update_elem(own, &key, script, BPF_ANY))
        there = bpf_map_lookup_elem(own, &key);
    if (there)
        there->mm = (__u64)BPF_CORE_READ(child, mm);
    else
        script_is_lost(agent);
}

#endif
