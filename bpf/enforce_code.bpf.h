/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is asked about code: by execve, or mapped. */
#ifndef AGENTGOV_ENFORCE_CODE_H
#define AGENTGOV_ENFORCE_CODE_H

#define ANON_INODE_FS_MAGIC 0x09041934 /* include/uapi/linux/magic.h */
#define PROT_READ 1
#define PROT_EXEC 4
#define READ_IMPLIES_EXEC 0x0400000 /* include/uapi/linux/personality.h */

/* `bprm`: of the execve that leads to the file; NULL where its code comes in by another way. */
static __always_inline int decide_exec(struct file *file, struct linux_binprm *bprm, __u32 how) {
    __u32 slot;
    struct scratch *s = verdict_begin(AG_EXEC_FAIL, &slot);
    if (!s)
        return verdict_busy();
    if (bprm)
        about_exec(s, slot, bprm);
    s->ask.written = is_written(file);
    place(s, slot, BPF_CORE_READ(file, f_path.dentry));
    ask(slot, AG_OF_EXEC, AG_EXECUTE, AG_EXECUTE, how);
    if (verdict_passes(s))
        return 0;
    if (s->ask.written)
        s->rec.flags |= AG_F_WRITTEN;
    part_file(s, slot, AG_PART_PATH, 0, file);
    return verdict_end(s);
}

static __always_inline int look_behind_interpreter(struct linux_binprm *bprm, struct file *file); /* unasked.bpf.h */

/* Once for each file that an execve leads to: a script first, then what its #! line names. */
DECIDER(bprm_check_security, NOTE_OTHER, struct linux_binprm *bprm) {
    struct file *file = BPF_CORE_READ(bprm, file);
    int answer = copied ? look_behind_interpreter(bprm, file) : 0;
    if (!answer && is_governed())
        answer = decide_exec(file, bprm, 0);
    if (copied && !answer)
        note_program(file);
    return answer;
}

/*
 * Set by the loader: nothing asks about the making of a ring (before 5.16). What cannot be mapped cannot be used, for
 * until 6.5 there is no other way to its memory.
 */
const volatile bool rings_by_map = false;

static __always_inline int decide_ring(void); /* system.bpf.h */

#define RING_NAME 0x6e6972755f6f695bULL /* "[io_urin", of the name that fs/io_uring.c gives to the inode */

static __always_inline bool is_ring(struct file *file) {
    __u64 name = 0;
    if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) != ANON_INODE_FS_MAGIC)
        return false;
    bpf_probe_read_kernel(&name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
    return name == RING_NAME;
}

/* What do_mmap adds for a process of this personality comes behind the hook. */
static __always_inline bool maps_code(unsigned long prot) {
    return (prot & PROT_EXEC) ||
           ((prot & PROT_READ) &&
            (BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), personality) & READ_IMPLIES_EXEC));
}

/*
 * Code that comes in without execve: `ld.so PROGRAM`, an interpreter of the ELF header, a library. Libraries are
 * programs of nobody's list, so here only rules speak, and not the default.
 */
DECIDER(mmap_file, NOTE_OTHER, struct file *file, unsigned long prot) {
    if ((!(prot & (PROT_READ | PROT_EXEC)) && !rings_by_map) || !file || !is_governed())
        return 0;
    if (rings_by_map && is_ring(file))
        return decide_ring();
    return maps_code(prot) ? decide_exec(file, NULL, ASK_RULES_ONLY) : 0;
}

/* The same for memory that was mapped to be read only. `prot` is with what the personality adds, `asked` without. */
DECIDER(file_mprotect, NOTE_OTHER, struct vm_area_struct *vma, unsigned long asked, unsigned long prot) {
    if (!(prot & PROT_EXEC) || !is_governed())
        return 0;
    struct file *file = BPF_CORE_READ(vma, vm_file);
    return file ? decide_exec(file, NULL, ASK_RULES_ONLY) : 0;
}

#endif
