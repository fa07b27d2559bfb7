/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who acts, for rules that are scoped to a program or a script: the sets of them (`programs` of struct ag_state) that
 * the process belongs to. A program is asked about as its file is called now, a script as it was called when it was run
 * (scripts.bpf.h).
 */
#ifndef AGENTGOV_ACTORS_H
#define AGENTGOV_ACTORS_H

/* As COLLECT_STEPS. 2,048 names: one is at least one byte, and one for its length. */
#define NOTE_STEPS 8
#define NOTE_TURNS 16

/* Where a new entry of `scripts` is built: behind the dentries of its path. */
static __always_inline struct script *new_script(struct scratch *s) {
    return (struct script *)&s->data[DATA_BYTES / 2];
}

/* Names of the path that collect_step() has found, from the root on. */
__attribute__((noinline)) int note_step(__u32 slot) {
    struct scratch *s = scratch_at(slot);
    if (!s)
        return WALK_DONE;
    struct script *script = new_script(s);
    __u32 at = script->bytes;
    for (int i = 0; i < NOTE_STEPS; i++) {
        if (!s->ask.depth)
            return WALK_DONE;
        s->ask.depth--;
        struct dentry *dentry = (void *)*dentry_slot(s, s->ask.depth);
        struct qstr name;
        BPF_CORE_READ_INTO(&name, dentry, d_name);
        if (name.len >= NAME_BYTES || at + 1 + name.len > AG_PATH_MAX) {
            script->lost = 1;
            return WALK_DONE;
        }
        at = bounded(at, AG_PATH_MAX - 1);
        script->names[at] = name.len;
        char *text = (char *)&s->data[DATA_BYTES / 2 + __builtin_offsetof(struct script, names)] + at + 1;
        bpf_probe_read_kernel(text, bounded(name.len, NAME_BYTES - 1), name.name);
        at += 1 + name.len;
        script->bytes = at;
    }
    return WALK_MORE;
}

TURNED(note_some, note_step, NOTE_TURNS)

/* Keeps the name of the file in s->walk_dentry, which an exec has been given, for the memory that it will have. */
__attribute__((noinline)) int note_script(__u32 slot, __u32 tgid, __u64 mm) {
    struct scratch *s = scratch_at(slot);
    if (!s)
        return 0;
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    struct script *script = new_script(s);
    __builtin_memset(script, 0, __builtin_offsetof(struct script, names));
    script->mm = mm;
    s->ask.depth = 0;
    int more = WALK_MORE;
    for (int i = 0; i < PLACE_TURNS && more != WALK_DONE; i++)
        more = collect_some(slot);
    script->lost = more != WALK_DONE;
    struct dentry *root = (void *)s->walk_dentry;
    script->dev = BPF_CORE_READ(root, d_sb, s_dev);
    for (int i = 0; i < NOTE_TURNS && !script->lost; i++)
        if (note_some(slot) == WALK_DONE)
            break;
    struct script_key key = {.tgid = tgid};
    void *own = map_of(&scripts, s->agent);
    struct script *now = own ? bpf_map_lookup_elem(own, &key) : NULL;
    key.place = now && now->mm == (__u64)BPF_CORE_READ(task, mm);
    agent_row(s->agent)->scripts_kept = 1;
    if (!own || bpf_map_update_elem(own, &key, script, BPF_ANY))
        script_is_lost(s->agent);
    return 0;
}

/* For each file that an execve leads to. The first may be a script; where there is a second, it is. */
static __always_inline void about_exec(struct scratch *s, __u32 slot, struct linux_binprm *bprm) {
    struct ag_policy *p = policy_of(s);
    bool first = BPF_CORE_READ(bprm, interp) == BPF_CORE_READ(bprm, filename);
    s->ask.asked = !first; /* all of them are one operation */
    if (!p || (!(p->scoped & AG_BY_SCRIPT) && !agent_row(s->agent)->scripts_kept))
        return;
    __u32 tgid = current_ids() >> 32;
    __u64 mm = (__u64)BPF_CORE_READ(bprm, mm);
    if (first) {
        s->walk_dentry = (__u64)BPF_CORE_READ(bprm, file, f_path.dentry);
        note_script(slot, tgid, mm);
        return;
    }
    struct script *script = script_under(s->agent, tgid, mm);
    if (script)
        script->found = 1;
}

/* The sets that the two states are in. */
static __always_inline __u64 sets_at(struct scratch *s) {
    struct ag_state *fixed = state_at(s, s->ask.fixed), *floating = state_at(s, s->ask.floating);
    return (fixed ? fixed->programs : 0) | (floating ? floating->programs : 0);
}

/* The names in s->data, of which there are s->ask.depth bytes, from s->walk_end on. */
__attribute__((noinline)) int retrace_step(__u32 slot) {
    struct scratch *s = scratch_at(slot);
    if (!s)
        return WALK_DONE;
    for (int i = 0; i < NOTE_STEPS; i++) {
        if (s->walk_end >= s->ask.depth || (!s->ask.fixed && !s->ask.floating))
            return WALK_DONE;
        __u32 len = s->data[s->walk_end & DATA_MASK];
        step_over_own(slot, s->walk_end + 1, len);
        s->walk_end += 1 + len;
    }
    return WALK_MORE;
}

TURNED(retrace_some, retrace_step, NOTE_TURNS)

/* Sets of scripts that the current process runs one of. */
__attribute__((noinline)) int script_acts(__u32 slot) {
    struct scratch *s = scratch_at(slot);
    struct ag_policy *p = s ? policy_of(s) : NULL;
    if (!s || !p)
        return 0;
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    struct script *script = script_under(s->agent, current_ids() >> 32, (__u64)BPF_CORE_READ(task, mm));
    if (!script || script->lost) {
        s->ask.unknown = script ? script->found : agent_row(s->agent)->scripts_lost;
        return 0;
    }
    if (!script->found)
        return 0;
    struct ag_device_key key = {.half = p->half, .dev = script->dev};
    struct ag_device *device = own_entry(&devices, s->agent, &key);
    s->ask.fixed = s->ask.known = device ? device->fixed : 0;
    s->ask.floating = device ? device->floating : p->floating;
    s->ask.depth = script->bytes;
    s->walk_end = 0;
    bpf_probe_read_kernel(s->data, bounded(script->bytes, 2 * AG_PATH_MAX - 1), script->names);
    for (int i = 0; i < NOTE_TURNS; i++)
        if (retrace_some(slot) == WALK_DONE)
            break;
    s->ask.scripts = sets_at(s);
    return 0;
}

static __always_inline void who_acts(struct scratch *s, __u32 slot, __u32 scoped) {
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    struct file *exe = BPF_CORE_READ(task, mm, exe_file);
    if ((scoped & AG_BY_EXE) && exe) {
        place(s, slot, BPF_CORE_READ(exe, f_path.dentry));
        s->ask.programs = sets_at(s);
    }
    if (scoped & AG_BY_SCRIPT)
        script_acts(slot);
    s->ask.fixed = s->ask.floating = s->ask.known = s->ask.reason = 0;
    s->ask.leaf = 0;
}

#endif
