/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A record is built in a scratch slot and copied into its ring in one go. Everything that can be lost on the way is
 * counted here, so no program can forget it.
 */
#ifndef AGENTGOV_EMIT_H
#define AGENTGOV_EMIT_H

#define DATA_BYTES 65536
#define DATA_MASK (DATA_BYTES / 2 - 1) /* offsets stay in the lower half, so a bounded read behind one always fits */

/*
 * Programs nest (a softirq inside a system call) and, on preemptible kernels, interleave on one CPU. So a CPU has
 * several slots, and a slot is claimed by an addition: whoever reads back exactly 1 owns it. Two that collide both see
 * more than 1 and both go on to the next slot. Needs no compare-and-swap, which 5.10 does not have.
 */
/* What a policy is asked about (bpf/verdict.bpf.h), while the slot is that of a verdict. */
struct asking {
    __u64 verdict;         /* against it, so far; 0: none */
    __u64 programs;        /* sets of programs that the acting process belongs to */
    __u64 scripts;         /* and those of scripts */
    __u32 unknown;         /* 1: which script it runs is not known, it may be any */
    __u32 fixed, floating; /* states of the two runs over the object's path; 0: nothing can match */
    __u32 known;           /* state by the name that the file had when the policy was loaded; else as `fixed` */
    __u32 depth;           /* components of the path that the runs have not met yet */
    __u32 dev;             /* of its file system: sb->s_dev */
    __u32 port;            /* AG_NO_PORT: none */
    __u32 protocol;        /* bit of enum ag_protocol; 0: none */
    __u32 written;         /* 1: the tree has written the file */
    __u32 reason;          /* why the path is not known: enum ag_reason; 0: it is */
    __u32 head;            /* the policy that is asked: key of `policy` */
    __u32 asked;           /* 1: it is known already what counts for a `max`, or nothing does */
    __u64 leaf;            /* the dentry whose path has been run through; 0: none has */
    __u64 folder;          /* the one that it is in, while guards are asked about it: i_ino, */
    __u32 folder_dev;      /* and sb->s_dev */
    __u32 limited;         /* one more than the row of the ALLOW rule with `max` that decides first; 0: none */
    struct ag_list net;    /* clauses about the address */
    struct ag_block block; /* the address itself */
    struct ag_edge edge;   /* keys under construction */
    struct ag_long_edge long_edge;
    char behind[AG_NAME_SHORT]; /* a bounded read in the verifier's eyes may end here */
};
#define AG_NO_PORT 0x10000

struct scratch {
    __u64 users;
    __u32 agent; /* whose the record is: the rings and tables that it goes through */
    __u32 pad;
    __u64 walk_dentry; /* state of a path walk between two calls of path_walk() */
    __u64 walk_mnt;
    __u32 walk_end;   /* offset behind the last component */
    __u32 walk_limit; /* the part may not reach behind this; 0 after the walk: it was cut */
    __u64 dropped;    /* what works_step() has found */
    struct asking ask;
    struct ag_record rec;
    __u8 data[DATA_BYTES];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, AG_SLOTS_PER_CPU); /* times the possible CPUs: set by the loader */
    __type(key, __u32);
    __type(value, struct scratch);
} scratches SEC(".maps");

PER_AGENT(
    critical, struct {
        __uint(type, BPF_MAP_TYPE_RINGBUF);
        __uint(max_entries, 8 << 20);
    });

PER_AGENT(
    bulk, struct {
        __uint(type, BPF_MAP_TYPE_RINGBUF);
        __uint(max_entries, 32 << 20);
    });

/* Row: number of the agent. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, AG_AGENTS);
    __type(key, __u32);
    __type(value, struct ag_counters);
} counters SEC(".maps");

PER_AGENT(
    folds, struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __uint(max_entries, AG_FOLDS_MAX);
        __uint(key_size, sizeof(struct ag_fold_key));
        __uint(value_size, sizeof(struct ag_fold));
    });

const volatile __u64 fold_key0 = 0;
const volatile __u64 fold_key1 = 1;

/* One value, of which the verifier sees the bound where it is used: the compiler would compare a copy. */
#define IN_ONE(n) asm volatile("" : "+r"(n))

/* Per-CPU, but a program can be interrupted by another one here: hence the atomic additions. */
static __always_inline void count_emitted(__u32 agent, __u32 cls) {
    struct ag_counters *c = bpf_map_lookup_elem(&counters, &agent);
    IN_ONE(cls);
    if (c && cls < AG_CLASS_MAX)
        __sync_fetch_and_add(&c->emitted[cls], 1);
}

/* Apart, for it stands in many places. */
__attribute__((noinline)) int count_lost_of(__u32 agent, __u32 cls, __u32 reason) {
    struct ag_counters *c = bpf_map_lookup_elem(&counters, &agent);
    IN_ONE(cls);
    IN_ONE(reason);
    if (c && cls < AG_CLASS_MAX && reason < AG_LOSS_MAX)
        __sync_fetch_and_add(&c->lost[cls][reason], 1);
    return 0;
}

/* Of the process that runs. */
static __always_inline void count_lost(__u32 cls, __u32 reason) {
    count_lost_of(current_agent(), cls, reason);
}

/* Claims a slot of this CPU; its index goes to *slot. NULL (and a loss) when all are taken. */
static __always_inline struct scratch *scratch_claim(__u32 agent, __u32 cls, __u32 *slot) {
    __u32 first = bpf_get_smp_processor_id() * AG_SLOTS_PER_CPU;
#pragma unroll
    for (int i = 0; i < AG_SLOTS_PER_CPU; i++) {
        __u32 index = first + i;
        struct scratch *s = bpf_map_lookup_elem(&scratches, &index);
        if (!s)
            break;
        __sync_fetch_and_add(&s->users, 1);
        if (*(volatile __u64 *)&s->users == 1) {
            *slot = index;
            s->agent = agent;
            return s;
        }
        __sync_fetch_and_add(&s->users, -1);
    }
    count_lost_of(agent, cls, AG_LOSS_SCRATCH_BUSY);
    return NULL;
}

static __always_inline void scratch_release(struct scratch *s) {
    __sync_fetch_and_add(&s->users, -1);
}

static __always_inline struct scratch *scratch_at(__u32 slot) {
    return bpf_map_lookup_elem(&scratches, &slot);
}

/* Starts a record of the current process, for that agent. */
static __always_inline struct scratch *record_begin_of(__u32 agent, __u16 kind, __u8 cls, __u32 *slot) {
    struct scratch *s = scratch_claim(agent, cls, slot);
    if (!s)
        return NULL;
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    __u64 ids = current_ids(), uids = bpf_get_current_uid_gid();
    s->rec = (struct ag_record){
        .ktime = bpf_ktime_get_boot_ns(),
        .start = BPF_CORE_READ(task, group_leader, start_boottime),
        .pid = ids >> 32,
        .tid = (__u32)ids,
        .uid = (__u32)uids,
        .gid = uids >> 32,
        .kind = kind,
        .nr = AG_NO_NR,
        .cls = cls,
    };
    bpf_get_current_comm(s->rec.comm, sizeof(s->rec.comm));
    return s;
}

/* The same for whose it is. NULL also when it has just ceased to be anybody's. */
static __always_inline struct scratch *record_begin(__u16 kind, __u8 cls, __u32 *slot) {
    __u32 agent = current_agent();
    return agent ? record_begin_of(agent, kind, cls, slot) : NULL;
}

/*
 * `n`, with its bound where the verifier can see it: written as C, the compiler knows that the mask changes nothing
 * and takes it away. `mask` is a power of two less one.
 */
static __always_inline __u64 bounded(__u64 n, const __u32 mask) {
    asm volatile("%0 &= %1" : "+r"(n) : "i"(mask));
    return n;
}

/* Opens a part; its bytes are appended at part_at(). Returns the offset of its header. */
static __always_inline __u32 part_begin(struct scratch *s, __u8 type, __u8 flags) {
    __u32 at = s->rec.size & DATA_MASK;
    struct ag_part *part = (void *)&s->data[at];
    part->len = 0;
    part->type = type;
    part->flags = flags;
    return at;
}

static __always_inline void part_end(struct scratch *s, __u32 at, __u32 len) {
    at &= DATA_MASK;
    ((struct ag_part *)&s->data[at])->len = len;
    s->rec.size = at + sizeof(struct ag_part) + len;
    s->rec.parts++;
}

static __always_inline void part_flag(struct scratch *s, __u32 at, __u8 flag) {
    ((struct ag_part *)&s->data[at & DATA_MASK])->flags |= flag;
}

/* Appends a string of user memory as one part, at most `max` bytes (a power of two) without its NUL. */
static __always_inline void part_user_string(struct scratch *s, __u8 type, __u8 flags, __u64 from, __u32 max) {
    __u32 at = part_begin(s, type, flags);
    __u32 off = (at + sizeof(struct ag_part)) & DATA_MASK;
    long n = bpf_probe_read_user_str(&s->data[off], max, (void *)from);
    if (n <= 0) {
        part_flag(s, at, AG_PART_UNREAD);
        n = 1;
    } else if (n == max) {
        part_flag(s, at, AG_PART_CUT);
    }
    part_end(s, at, ((__u32)n - 1) & (max - 1));
}

static __always_inline void part_kernel_string(struct scratch *s, __u8 type, __u8 flags, const void *from, __u32 max) {
    __u32 at = part_begin(s, type, flags);
    __u32 off = (at + sizeof(struct ag_part)) & DATA_MASK;
    long n = bpf_probe_read_kernel_str(&s->data[off], max, from);
    if (n <= 0) {
        part_flag(s, at, AG_PART_UNREAD);
        n = 1;
    }
    part_end(s, at, ((__u32)n - 1) & (max - 1));
}

/* Sends the record to a ring. True when it is there. */
static __always_inline bool record_send(struct scratch *s, bool is_critical) {
    __u32 size = s->rec.size & DATA_MASK;
    long err = -1;
    if (is_critical) {
        void *ring = map_of(&critical, s->agent);
        if (ring)
            err = bpf_ringbuf_output(ring, &s->rec, sizeof(s->rec) + size, 0);
    } else {
        void *ring = map_of(&bulk, s->agent);
        if (ring)
            err = bpf_ringbuf_output(ring, &s->rec, sizeof(s->rec) + size, 0);
    }
    if (err) {
        count_lost_of(s->agent, s->rec.cls, AG_LOSS_RING_FULL);
        return false;
    }
    count_emitted(s->agent, s->rec.cls);
    return true;
}

/*
 * What makes two records "the same process doing the same thing to the same object": every byte of the parts and what
 * was asked. 64 bits, keyed with random numbers of this run: who cannot see a hash cannot look for two names that
 * collide.
 */
static __always_inline __u64 hash_mix(__u64 h, __u64 word) {
    h = (h ^ word) * (fold_key1 | 1);
    return h ^ (h >> 32);
}

#define HASH_MAX (AG_PATH_MAX * 2)                              /* longer records are not folded */
#define HASH_WORDS 8                                            /* of one hash_step() */
#define HASH_STEPS 8                                            /* of one hash_more() */
#define HASH_TURNS (HASH_MAX / 8 / HASH_WORDS / HASH_STEPS + 1) /* the last word may be a partial one */

/*
 * A bounded part of the work in a function of its own: the verifier meets it once and not once a round. Scalar
 * arguments, because 5.10 takes nothing else. Returns the new hash. Three loops inside each other, as short as that
 * many words allow: what the verifier does is the sum of their rounds, in each program that hashes.
 */
__attribute__((noinline)) __u64 hash_step(__u32 slot, __u64 h, __u32 at) {
    struct scratch *s = scratch_at(slot);
    if (!s)
        return h;
    for (__u32 i = 0; i < HASH_WORDS; i++, at += 8) {
        if (at >= s->rec.size)
            break;
        h = hash_mix(h, *(__u64 *)&s->data[at & DATA_MASK]);
    }
    return h;
}

__attribute__((noinline)) __u64 hash_more(__u32 slot, __u64 h, __u32 at, __u32 size) {
    for (__u32 i = 0; i < HASH_STEPS; i++, at += HASH_WORDS * 8) {
        if (at >= size)
            break;
        h = hash_step(slot, h, at);
    }
    return h;
}

/* Puts the hash of what a record says into its `fold`. */
__attribute__((noinline)) int record_hash(__u32 slot) {
    struct scratch *s = scratch_at(slot);
    if (!s)
        return 0;
    __u32 size = s->rec.size & DATA_MASK;
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    __u64 h = fold_key0;
    *(__u64 *)&s->data[size] = 0; /* the last word is padded, not left from an older record */
    h = hash_mix(h, ((__u64)s->rec.kind << 48) | ((__u64)s->rec.nr << 32) | s->rec.uid);
    h = hash_mix(h, s->rec.ret < 0 ? s->rec.ret : 0);
    h = hash_mix(h, BPF_CORE_READ(task, self_exec_id)); /* what the old program opened is new to the new one */
    h = hash_mix(h, s->rec.arg[0]);
    h = hash_mix(h, s->rec.arg[1]);
    h = hash_mix(h, s->rec.arg[2]);
    h = hash_mix(h, ((__u64)s->rec.flags << 32) | size);
    for (__u32 i = 0, at = 0; i < HASH_TURNS; i++, at += HASH_STEPS * HASH_WORDS * 8) {
        if (at >= size)
            break;
        h = hash_more(slot, h, at, size);
    }
    s->rec.fold = h;
    return 0;
}

/*
 * Sends a record whose repeats are only counted. A key is inserted as pending, the record sent, and only then the key
 * marked as seen: a record that found no room leaves no key behind which later repeats would hide. Two threads that do
 * the same at once may both send; each send is one event, so the sum stays exact.
 */
static __always_inline void record_send_folded(struct scratch *s, __u32 slot, bool is_critical) {
    if (s->rec.size > HASH_MAX) {
        record_send(s, is_critical);
        return;
    }
    record_hash(slot);
    struct ag_fold_key key = {.start = s->rec.start, .hash = s->rec.fold, .pid = s->rec.pid};
    void *own = map_of(&folds, s->agent);
    struct ag_fold *fold = own ? bpf_map_lookup_elem(own, &key) : NULL;
    if (fold && fold->state == AG_FOLD_SEEN) {
        __sync_fetch_and_add(&fold->count, 1);
        return;
    }
    if (own && !fold) {
        struct ag_fold fresh = {.state = AG_FOLD_PENDING};
        /* A full table is no loss: the record goes out, and so will its repeats. */
        if (bpf_map_update_elem(own, &key, &fresh, BPF_NOEXIST) == 0)
            fold = bpf_map_lookup_elem(own, &key);
    }
    if (fold)
        s->rec.flags |= AG_F_FOLDS;
    if (record_send(s, is_critical) && fold)
        fold->state = AG_FOLD_SEEN;
}

#endif
