/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Plaintext, where it enters and leaves a TLS library of a process of the tree: the entry of a call notes its
 * arguments, its return takes the bytes that it really moved. A call that failed (and will be tried again with the same
 * bytes) has moved none; a peek is no read and has no probe.
 *
 * The loader attaches each program to single functions of single processes (bpf/loader/tls_probes.c). Still each asks
 * for membership first.
 */
#ifndef AGENTGOV_TLS_H
#define AGENTGOV_TLS_H

#define TLS_NAME_BYTES 256

PER_AGENT(
    tls, struct {
        __uint(type, BPF_MAP_TYPE_RINGBUF);
        __uint(max_entries, 32 << 20);
    });

/* An object's address is used again by the next program of the process, and by others. */
struct tls_key {
    __u64 object; /* SSL *, gnutls_session_t */
    __u64 start;
    __u64 exec;
    __u32 pid;
    __u32 pad;
};

/*
 * Functions that were not found by name (bpf/loader/tls_boringssl.c) have to show that they are what they were taken
 * for: what leaves through sockets within their calls must be what encryption makes of the bytes that the first of them
 * says to have written. Where nothing leaves (a program that writes its TLS to memory) nothing is shown.
 */
enum tls_trial { TLS_TRUSTED, TLS_ON_TRIAL, TLS_FAILED };

struct tls_connection {
    __u64 number;
    __u64 moved[2]; /* bytes told, or known to be lost: in, out */
    __u64 has_peer;
    __u64 trial;
    __u64 sent; /* on trial: bytes that have left within calls */
};

/*
 * The least used is given up when the table is full: should it be in use after all, it comes back as a new one, joined
 * in the middle. So what a process leaves behind at its death needs no care.
 */
PER_AGENT(
    tls_connections, struct {
        __uint(type, BPF_MAP_TYPE_LRU_HASH);
        __uint(max_entries, 65536);
        __uint(key_size, sizeof(struct tls_key));
        __uint(value_size, sizeof(struct tls_connection));
    });

/*
 * A call under way: its thread and where on the stack it began, so calls inside calls are kept apart. Goroutines go
 * from thread to thread, and their stacks from place to place: there it is the process, and how far from the stack's
 * top.
 */
struct tls_frame {
    __u64 ids;
    __u64 goroutine; /* 0: none */
    __u64 stack;
};

struct tls_call {
    struct tls_key key;
    __u64 buffer;
    __u64 room;
    __u64 result; /* where an _ex function writes how many bytes it moved */
    __u64 moved[2];
    __u64 on_stack; /* the buffer is on the goroutine's stack: `buffer` is how far from its top */
};

PER_AGENT(
    tls_calls, struct {
        __uint(type, BPF_MAP_TYPE_LRU_HASH);
        __uint(max_entries, 16384);
        __uint(key_size, sizeof(struct tls_frame));
        __uint(value_size, sizeof(struct tls_call));
    });

/* The connection, of no known socket, that a thread was in last. */
struct tls_thread {
    struct tls_key key;
    __u64 inside; /* and is still */
    __u64 wrote;  /* bytes, since the thread has last moved some through a socket */
};

PER_AGENT(
    tls_threads, struct {
        __uint(type, BPF_MAP_TYPE_LRU_HASH);
        __uint(max_entries, 16384);
        __uint(key_size, sizeof(__u64));
        __uint(value_size, sizeof(struct tls_thread));
    });

/* A goroutine in a call on a connection of no known socket. */
struct tls_goroutine {
    __u64 goroutine; /* its address in the process */
    __u64 tgid;
};

PER_AGENT(
    tls_goroutines, struct {
        __uint(type, BPF_MAP_TYPE_LRU_HASH);
        __uint(max_entries, 16384);
        __uint(key_size, sizeof(struct tls_goroutine));
        __uint(value_size, sizeof(struct tls_key));
    });

static __always_inline bool tls_send(struct scratch *s) {
    void *ring = map_of(&tls, s->agent);
    if (!ring || bpf_ringbuf_output(ring, &s->rec, sizeof(s->rec) + (s->rec.size & DATA_MASK), 0)) {
        count_lost_of(s->agent, AG_CLASS_TLS, AG_LOSS_RING_FULL);
        return false;
    }
    return true;
}

static __always_inline struct scratch *tls_begin_of(__u32 agent, enum ag_tls what, __u64 number, __u32 *slot) {
    struct scratch *s = record_begin_of(agent, AG_TLS, AG_CLASS_TLS, slot);
    if (!s)
        return NULL;
    s->rec.arg[0] = number;
    s->rec.arg[3] = what;
    return s;
}

static __always_inline struct scratch *tls_begin(enum ag_tls what, __u64 number, __u32 *slot) {
    __u32 agent = current_agent();
    return agent ? tls_begin_of(agent, what, number, slot) : NULL;
}

static __always_inline void tls_tell(enum ag_tls what, __u64 number, __u64 arg1, __u64 arg2) {
    __u32 slot;
    struct scratch *s = tls_begin(what, number, &slot);
    if (!s)
        return;
    s->rec.arg[1] = arg1;
    s->rec.arg[2] = arg2;
    tls_send(s);
    scratch_release(s);
}

static __always_inline void tls_all_over(__u32 agent) {
    __u32 slot;
    struct scratch *s = tls_begin_of(agent, AG_TLS_END, 0, &slot);
    if (!s)
        return;
    tls_send(s);
    scratch_release(s);
}

static __always_inline struct tls_key tls_key_of(__u64 object) {
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    return (struct tls_key){
        .object = object,
        .start = BPF_CORE_READ(task, group_leader, start_boottime),
        .exec = BPF_CORE_READ(task, self_exec_id),
        .pid = current_ids() >> 32,
    };
}

/* Keyed like the names of files: who sees the number must not learn an address of the process from it. */
static __always_inline __u64 tls_number(const struct tls_key *key) {
    __u64 h = hash_mix(fold_key0, bpf_ktime_get_boot_ns());
    h = hash_mix(h, key->object);
    h = hash_mix(h, key->start ^ key->pid);
    return h ? h : 1; /* 0 stands for all of a process */
}

/* Begins a connection, in the place of one that may have been there. */
static __always_inline struct tls_connection *tls_connect(const struct tls_key *key, bool joined,
                                                          enum ag_tls_library library) {
    struct tls_connection fresh = {.number = tls_number(key),
                                   .trial = library == AG_TLS_BORINGSSL ? TLS_ON_TRIAL : TLS_TRUSTED};
    if (own_put(&tls_connections, current_agent(), key, &fresh)) {
        count_lost(AG_CLASS_TLS, AG_LOSS_TABLE_FULL);
        return NULL;
    }
    tls_tell(AG_TLS_BEGIN, fresh.number, joined, library);
    return own_entry(&tls_connections, current_agent(), key);
}

/* The connection of an object; one that is not known yet was there before the probes, unless the call says otherwise.
 */
static __always_inline struct tls_connection *tls_connection_of(const struct tls_key *key, bool joined,
                                                                enum ag_tls_library library) {
    struct tls_connection *there = own_entry(&tls_connections, current_agent(), key);
    return there ? there : tls_connect(key, joined, library);
}

static __always_inline void tls_end(const struct tls_key *key) {
    struct tls_connection *there = own_entry(&tls_connections, current_agent(), key);
    if (!there)
        return;
    tls_tell(AG_TLS_END, there->number, 0, 0);
    own_remove(&tls_connections, current_agent(), key);
}

static __always_inline void tls_thread_set(__u64 ids, const struct tls_key *key, bool inside, __u64 wrote) {
    struct tls_thread *there = own_entry(&tls_threads, current_agent(), &ids);
    if (there && there->key.object == key->object) {
        there->inside = inside;
        there->wrote += wrote;
        return;
    }
    struct tls_thread thread = {.key = *key, .inside = inside, .wrote = wrote};
    own_put(&tls_threads, current_agent(), &ids, &thread);
}

#endif
