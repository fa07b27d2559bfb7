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

#define SSL_CTRL_SET_TLSEXT_HOSTNAME 55 /* openssl/tls1.h; the same in all versions */
#define GNUTLS_NAME_DNS 1               /* gnutls/gnutls.h */
#define TLS_NAME_BYTES 256
#define TLS_HANDSHAKE 8192 /* what a connection sends that is not plaintext, beside the frames of its records */
#define TLS_FLIGHTS 65536  /* the same at the most, with long chains of certificates */

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

/* Entry of whatever moves bytes: f(object, buffer, n) or f(object, buffer, n, size_t *moved). */
static __always_inline int on_enter(struct pt_regs *ctx, enum ag_tls_library library) {
    if (!is_member(current_ids() >> 32))
        return 0;
    struct tls_call call = {
        .key = tls_key_of(AG_ARG1(ctx)), .buffer = AG_ARG2(ctx), .room = AG_ARG3(ctx), .result = AG_ARG4(ctx)};
    struct tls_connection *c = tls_connection_of(&call.key, true, library);
    if (!c)
        return 0;
    call.moved[0] = c->moved[0];
    call.moved[1] = c->moved[1];
    struct tls_frame frame = {.ids = bpf_get_current_pid_tgid(), .stack = AG_STACK(ctx)};
    if (own_put(&tls_calls, current_agent(), &frame, &call))
        count_lost(AG_CLASS_TLS, AG_LOSS_TABLE_FULL);
    if (!c->has_peer || c->trial)
        tls_thread_set(frame.ids, &call.key, true, 0);
    return 0;
}

/* A record with a whole piece, as it stands in the ring. */
struct tls_whole {
    struct ag_record rec;
    struct ag_part part;
    __u8 bytes[AG_TLS_CHUNK];
} __attribute__((packed));

/* Nearly all of a large body is whole pieces: of a fixed size, they go straight into the ring. */
static __always_inline void tls_whole_piece(const struct scratch *s, __u64 from) {
    void *ring = map_of(&tls, s->agent);
    struct tls_whole *whole = ring ? bpf_ringbuf_reserve(ring, sizeof(*whole), 0) : NULL;
    if (!whole) {
        count_lost_of(s->agent, AG_CLASS_TLS, AG_LOSS_RING_FULL);
        return;
    }
    if (bpf_probe_read_user(whole->bytes, sizeof(whole->bytes), (void *)from)) {
        count_lost(AG_CLASS_TLS, AG_LOSS_UNREADABLE);
        bpf_ringbuf_discard(whole, 0);
        return;
    }
    whole->rec = s->rec;
    whole->rec.size = sizeof(whole->part) + sizeof(whole->bytes);
    whole->rec.parts = 1;
    whole->part = (struct ag_part){.len = sizeof(whole->bytes), .type = AG_PART_DATA};
    bpf_ringbuf_submit(whole, 0);
}

/*
 * One piece of a buffer, behind which a call has moved `after` bytes in others: a function of its own, so that the
 * verifier meets the work once and not for each piece. What cannot be read or finds no room is counted, and the next
 * piece's offset shows the gap.
 */
__attribute__((noinline)) int tls_piece(__u32 slot, __u64 from, __u64 offset, __u64 left, __u64 after) {
    struct scratch *s = scratch_at(slot);
    if (!s || !left)
        return 0;
    __u64 n = left < AG_TLS_CHUNK ? left : AG_TLS_CHUNK;
    s->rec.arg[1] = offset;
    s->rec.arg[2] = left - n + after;
    if (n == AG_TLS_CHUNK) {
        tls_whole_piece(s, from);
        return 0;
    }
    s->rec.size = 0;
    s->rec.parts = 0;
    __u32 at = part_begin(s, AG_PART_DATA, 0);
    __u32 off = (at + sizeof(struct ag_part)) & DATA_MASK;
    if (bpf_probe_read_user(&s->data[off], bounded(n - 1, AG_TLS_CHUNK - 1) + 1, (void *)from)) {
        count_lost(AG_CLASS_TLS, AG_LOSS_UNREADABLE);
        return 0;
    }
    part_end(s, at, n);
    tls_send(s);
    return 0;
}

#define TLS_STEP 64  /* pieces of one tls_pieces() */
#define TLS_STEPS 64 /* of one buffer: 64 MB; what is longer is cut, and counted as lost */

__attribute__((noinline)) int tls_pieces(__u32 slot, __u64 from, __u64 offset, __u64 n, __u64 after) {
    for (__u64 i = 0; i < TLS_STEP; i++) {
        __u64 at = i * AG_TLS_CHUNK;
        if (at >= n)
            break;
        tls_piece(slot, from + at, offset + at, n - at, after);
    }
    return 0;
}

__attribute__((noinline)) int tls_buffer(__u32 slot, __u64 from, __u64 offset, __u64 n, __u64 after) {
    for (__u64 i = 0; i < TLS_STEPS; i++) {
        __u64 at = i * TLS_STEP * AG_TLS_CHUNK;
        if (at >= n)
            break;
        tls_pieces(slot, from + at, offset + at, n - at, after);
    }
    if (n > TLS_STEPS * TLS_STEP * AG_TLS_CHUNK)
        count_lost(AG_CLASS_TLS, AG_LOSS_UNREADABLE);
    return 0;
}

static __always_inline void tls_data(enum ag_tls what, __u64 number, __u64 from, __u64 offset, __u64 n) {
    __u32 slot;
    struct scratch *s = tls_begin(what, number, &slot);
    if (!s)
        return;
    tls_buffer(slot, from, offset, n, 0);
    scratch_release(s);
}

/* Is `more` what encryption makes of `n` bytes, on a connection that may also have sent `extra`? */
static __always_inline bool is_encrypted(__u64 more, __u64 n, __u64 extra) {
    return more > n && more - n <= extra + n / 64;
}

/* False: a call that says to have moved `n` bytes is not what it was taken for. */
static __always_inline bool tls_stands_trial(struct tls_connection *c, const struct tls_call *call, bool out, __u64 n) {
    if (!c->trial)
        return true;
    bool good = c->trial != TLS_FAILED && n <= (__u32)call->room;
    if (out && c->sent && good) {
        good = is_encrypted(c->sent, c->moved[1] + n, TLS_FLIGHTS);
        if (good)
            c->trial = TLS_TRUSTED;
    }
    if (good)
        return true;
    if (c->trial != TLS_FAILED) {
        c->trial = TLS_FAILED;
        struct ag_notice notice = {.kind = AG_NOTICE_FAILED, .pid = call->key.pid, .start = call->key.start};
        notice_send(current_agent(), &notice);
    }
    return false;
}

/*
 * The return of a call. One that was made inside another on the same connection and in the same direction (a library's
 * own wrapper) has moved the count on already: then the outer one has nothing more to tell.
 *
 * A program may run more than once at one entry or return: those of perf events do so at a return for each process that
 * has the function probed, whoever returns (uretprobe_perf_func() in kernel/trace/trace_uprobe.c does not ask), and
 * probes of a process that were taken out and put in again overlap for a moment. The first takes the call.
 */
static __always_inline int tls_leave(struct pt_regs *ctx, enum ag_tls what, bool ex) {
    if (!is_member(current_ids() >> 32))
        return 0;
    struct tls_frame frame = {.ids = bpf_get_current_pid_tgid(), .stack = AG_STACK(ctx) - AG_RETURN_POPS};
    struct tls_call *there = own_entry(&tls_calls, current_agent(), &frame);
    if (!there)
        return 0;
    struct tls_call call = *there;
    own_remove(&tls_calls, current_agent(), &frame);
    struct tls_thread *thread = own_entry(&tls_threads, current_agent(), &frame.ids);
    if (thread)
        thread->inside = 0;
    /* int in OpenSSL, ssize_t in GnuTLS, and no call moves 2 GB */
    __s32 result = (__s32)AG_RESULT(ctx);
    if (result <= 0)
        return 0;
    __u64 n = result;
    if (ex && bpf_probe_read_user(&n, sizeof(n), (void *)call.result)) {
        count_lost(AG_CLASS_TLS, AG_LOSS_UNREADABLE);
        return 0;
    }
    struct tls_connection *c = tls_connection_of(&call.key, true, AG_TLS_ANY);
    if (!c || !n)
        return 0;
    bool out = what == AG_TLS_OUT;
    __u64 offset = out ? c->moved[1] : c->moved[0];
    if (offset != (out ? call.moved[1] : call.moved[0]) || !tls_stands_trial(c, &call, out, n))
        return 0;
    if (out)
        c->moved[1] = offset + n;
    else
        c->moved[0] = offset + n;
    if (out && !c->has_peer)
        tls_thread_set(frame.ids, &call.key, false, n);
    tls_data(what, c->number, call.buffer, offset, n);
    return 0;
}

/* An object begins as a connection, maybe in the place of another. */
static __always_inline int tls_begun(__u64 object, enum ag_tls_library library) {
    if (!is_member(current_ids() >> 32) || !object)
        return 0;
    struct tls_key key = tls_key_of(object);
    struct tls_connection *there = own_entry(&tls_connections, current_agent(), &key);
    if (there && !there->moved[0] && !there->moved[1])
        return 0; /* this very one, in the same call (see tls_leave) */
    tls_end(&key);
    tls_connect(&key, false, library);
    return 0;
}

/* SSL_new() has made an object. */
static __always_inline int on_new(struct pt_regs *ctx) {
    return tls_begun(AG_RESULT(ctx), AG_TLS_OPENSSL);
}

/* tls_new(object) of BoringSSL: it is made, or used again. */
static __always_inline int on_begin(struct pt_regs *ctx) {
    return tls_begun(AG_ARG1(ctx), AG_TLS_BORINGSSL);
}

/* A handshake is about to begin or to go on. No plaintext has passed before it. */
static __always_inline int on_handshake(struct pt_regs *ctx, enum ag_tls_library library) {
    if (!is_member(current_ids() >> 32))
        return 0;
    struct tls_key key = tls_key_of(AG_ARG1(ctx));
    tls_connection_of(&key, false, library);
    return 0;
}

/* The object is gone: SSL_free, gnutls_deinit. */
static __always_inline int on_free(struct pt_regs *ctx) {
    if (!is_member(current_ids() >> 32))
        return 0;
    struct tls_key key = tls_key_of(AG_ARG1(ctx));
    tls_end(&key);
    return 0;
}

/* The name is set before the handshake, so the connection is a new one. */
static __always_inline void tls_name(__u64 object, __u64 from, enum ag_tls_library library) {
    struct tls_key key = tls_key_of(object);
    struct tls_connection *c = tls_connection_of(&key, false, library);
    __u32 slot;
    struct scratch *s = c ? tls_begin(AG_TLS_NAME, c->number, &slot) : NULL;
    if (!s)
        return;
    part_user_string(s, AG_PART_DATA, 0, from, TLS_NAME_BYTES);
    tls_send(s);
    scratch_release(s);
}

/* SSL_ctrl(object, command, long, void *), which SSL_set_tlsext_host_name() is a macro for. */
static __always_inline int on_ctrl(struct pt_regs *ctx) {
    if (!is_member(current_ids() >> 32) || (__u32)AG_ARG2(ctx) != SSL_CTRL_SET_TLSEXT_HOSTNAME || !AG_ARG4(ctx))
        return 0;
    tls_name(AG_ARG1(ctx), AG_ARG4(ctx), AG_TLS_OPENSSL);
    return 0;
}

/* gnutls_server_name_set(object, type, name, length) */
static __always_inline int on_server_name(struct pt_regs *ctx) {
    if (!is_member(current_ids() >> 32) || (__u32)AG_ARG2(ctx) != GNUTLS_NAME_DNS)
        return 0;
    tls_name(AG_ARG1(ctx), AG_ARG3(ctx), AG_TLS_GNUTLS);
    return 0;
}

/* SSL_set_tlsext_host_name(object, name), a function in BoringSSL */
static __always_inline int on_host_name(struct pt_regs *ctx) {
    if (is_member(current_ids() >> 32) && AG_ARG2(ctx))
        tls_name(AG_ARG1(ctx), AG_ARG2(ctx), AG_TLS_BORINGSSL);
    return 0;
}

/* runtime.g begins with the bounds of the goroutine's stack. */
struct go_stack {
    __u64 low, high;
};

/* Where a function of Go is, at its entry and at its return alike. False when its goroutine cannot be read. */
static __always_inline bool go_frame(struct pt_regs *ctx, struct tls_frame *frame, struct go_stack *stack) {
    frame->ids = current_ids() >> 32;
    frame->goroutine = ctx->AG_GO_GOROUTINE;
    if (bpf_probe_read_user(stack, sizeof(*stack), (void *)frame->goroutine)) {
        count_lost(AG_CLASS_TLS, AG_LOSS_UNREADABLE);
        return false;
    }
    frame->stack = stack->high - AG_STACK(ctx);
    return true;
}

static __always_inline struct tls_goroutine goroutine_of(const struct tls_frame *frame) {
    return (struct tls_goroutine){.goroutine = frame->goroutine, .tgid = frame->ids};
}

/*
 * (*Conn).Read and Write, whose entry runs again when there was no room on the stack. No connection is begun here: that
 * is for the handshake to do, which may be within this call.
 */
static __always_inline int on_go_enter(struct pt_regs *ctx) {
    struct tls_frame frame;
    struct go_stack stack;
    if (!is_member(current_ids() >> 32) || !go_frame(ctx, &frame, &stack))
        return 0;
    struct tls_call call = {.key = tls_key_of(AG_GO_ARG1(ctx)), .buffer = AG_GO_ARG2(ctx), .room = AG_GO_ARG3(ctx)};
    if (call.buffer >= stack.low && call.buffer < stack.high) {
        call.buffer = stack.high - call.buffer;
        call.on_stack = 1;
    }
    if (own_put(&tls_calls, current_agent(), &frame, &call))
        count_lost(AG_CLASS_TLS, AG_LOSS_TABLE_FULL);
    struct tls_connection *c = own_entry(&tls_connections, current_agent(), &call.key);
    if (!c || !c->has_peer) {
        struct tls_goroutine goroutine = goroutine_of(&frame);
        own_put(&tls_goroutines, current_agent(), &goroutine, &call.key);
    }
    return 0;
}

/* Their return: (int, error). Several goroutines may be in calls on one connection, none is in another's. */
static __always_inline int on_go_leave(struct pt_regs *ctx, enum ag_tls what) {
    struct tls_frame frame;
    struct go_stack stack;
    if (!is_member(current_ids() >> 32) || !go_frame(ctx, &frame, &stack))
        return 0;
    struct tls_call *there = own_entry(&tls_calls, current_agent(), &frame);
    if (!there)
        return 0;
    struct tls_call call = *there;
    own_remove(&tls_calls, current_agent(), &frame);
    struct tls_goroutine goroutine = goroutine_of(&frame);
    own_remove(&tls_goroutines, current_agent(), &goroutine);
    __s64 n = AG_GO_RESULT1(ctx);
    if (n <= 0)
        return 0;
    struct tls_connection *c = (__u64)n <= call.room ? tls_connection_of(&call.key, true, AG_TLS_GO) : NULL;
    if (!c) {
        count_lost(AG_CLASS_TLS, AG_LOSS_UNREADABLE);
        return 0;
    }
    __u64 *moved = what == AG_TLS_OUT ? &c->moved[1] : &c->moved[0];
    __u64 offset = *moved;
    *moved = offset + n;
    tls_data(what, c->number, call.on_stack ? stack.high - call.buffer : call.buffer, offset, n);
    return 0;
}

/*
 * (*Conn).clientHandshake and serverHandshake: a connection begins. A client that lets its server handshake again
 * (tls.Config.Renegotiation) is told as two.
 */
static __always_inline int on_go_handshake(struct pt_regs *ctx) {
    __u32 tgid = current_ids() >> 32;
    if (!is_member(tgid))
        return 0;
    struct tls_key key = tls_key_of(AG_GO_ARG1(ctx));
    struct tls_goroutine goroutine = {.goroutine = ctx->AG_GO_GOROUTINE, .tgid = tgid};
    own_put(&tls_goroutines, current_agent(), &goroutine, &key);
    return tls_begun(key.object, AG_TLS_GO);
}

/* hostnameInSNI(string) string, within a client's handshake, returns what it asks the server for: "" for an address. */
static __always_inline int on_go_name(struct pt_regs *ctx) {
    __u32 tgid = current_ids() >> 32;
    __u64 from = AG_GO_RESULT1(ctx), length = AG_GO_RESULT2(ctx);
    struct tls_goroutine goroutine = {.goroutine = ctx->AG_GO_GOROUTINE, .tgid = tgid};
    if (!is_member(tgid) || !length || length >= TLS_NAME_BYTES)
        return 0;
    struct tls_key *key = own_entry(&tls_goroutines, current_agent(), &goroutine);
    struct tls_connection *c = key ? own_entry(&tls_connections, current_agent(), key) : NULL;
    __u32 slot;
    struct scratch *s = c ? tls_begin(AG_TLS_NAME, c->number, &slot) : NULL;
    if (!s)
        return 0;
    __u32 at = part_begin(s, AG_PART_DATA, 0);
    __u32 off = (at + sizeof(struct ag_part)) & DATA_MASK;
    if (bpf_probe_read_user(&s->data[off], bounded(length - 1, TLS_NAME_BYTES - 1) + 1, (void *)from)) {
        count_lost(AG_CLASS_TLS, AG_LOSS_UNREADABLE);
    } else {
        part_end(s, at, length);
        tls_send(s);
    }
    scratch_release(s);
    return 0;
}

static __always_inline int on_go_close(struct pt_regs *ctx) {
    if (!is_member(current_ids() >> 32))
        return 0;
    struct tls_key key = tls_key_of(AG_GO_ARG1(ctx));
    tls_end(&key);
    return 0;
}

/* A program for each function, or (from 6.10 on, bpf/loader/tls_probes.c) two that are told which one it is. */
#define TLS_PROGRAM(section, name, call)                                                                               \
    SEC("?" section) int name(struct pt_regs *ctx) {                                                                   \
        return call;                                                                                                   \
    }

TLS_PROGRAM("uprobe", tls_enter, on_enter(ctx, AG_TLS_ANY))
TLS_PROGRAM("uprobe", tls_try, on_enter(ctx, AG_TLS_BORINGSSL))
TLS_PROGRAM("uprobe", tls_handshake, on_handshake(ctx, AG_TLS_OPENSSL))
TLS_PROGRAM("uprobe", tls_handshake_gnutls, on_handshake(ctx, AG_TLS_GNUTLS))
TLS_PROGRAM("uprobe", tls_handshake_boringssl, on_handshake(ctx, AG_TLS_BORINGSSL))
TLS_PROGRAM("uprobe", tls_free, on_free(ctx))
TLS_PROGRAM("uprobe", tls_ctrl, on_ctrl(ctx))
TLS_PROGRAM("uprobe", tls_server_name, on_server_name(ctx))
TLS_PROGRAM("uprobe", tls_object, on_begin(ctx))
TLS_PROGRAM("uprobe", tls_host_name, on_host_name(ctx))
TLS_PROGRAM("uprobe", tls_go_enter, on_go_enter(ctx))
TLS_PROGRAM("uprobe", tls_go_read, on_go_leave(ctx, AG_TLS_IN))
TLS_PROGRAM("uprobe", tls_go_write, on_go_leave(ctx, AG_TLS_OUT))
TLS_PROGRAM("uprobe", tls_go_name, on_go_name(ctx))
TLS_PROGRAM("uprobe", tls_go_handshake, on_go_handshake(ctx))
TLS_PROGRAM("uprobe", tls_go_close, on_go_close(ctx))
TLS_PROGRAM("uretprobe", tls_new, on_new(ctx))
TLS_PROGRAM("uretprobe", tls_read, tls_leave(ctx, AG_TLS_IN, false))
TLS_PROGRAM("uretprobe", tls_write, tls_leave(ctx, AG_TLS_OUT, false))
TLS_PROGRAM("uretprobe", tls_read_ex, tls_leave(ctx, AG_TLS_IN, true))
TLS_PROGRAM("uretprobe", tls_write_ex, tls_leave(ctx, AG_TLS_OUT, true))

SEC("?uprobe")
int tls_entries(struct pt_regs *ctx) {
    switch (bpf_get_attach_cookie(ctx)) {
    case AG_PROBE_ENTER:
        return on_enter(ctx, AG_TLS_ANY);
    case AG_PROBE_TRY:
        return on_enter(ctx, AG_TLS_BORINGSSL);
    case AG_PROBE_HANDSHAKE_BORINGSSL:
        return on_handshake(ctx, AG_TLS_BORINGSSL);
    case AG_PROBE_HANDSHAKE:
        return on_handshake(ctx, AG_TLS_OPENSSL);
    case AG_PROBE_HANDSHAKE_GNUTLS:
        return on_handshake(ctx, AG_TLS_GNUTLS);
    case AG_PROBE_FREE:
        return on_free(ctx);
    case AG_PROBE_CTRL:
        return on_ctrl(ctx);
    case AG_PROBE_SERVER_NAME:
        return on_server_name(ctx);
    case AG_PROBE_BEGIN:
        return on_begin(ctx);
    case AG_PROBE_HOST_NAME:
        return on_host_name(ctx);
    case AG_PROBE_GO_ENTER:
        return on_go_enter(ctx);
    case AG_PROBE_GO_READ:
        return on_go_leave(ctx, AG_TLS_IN);
    case AG_PROBE_GO_WRITE:
        return on_go_leave(ctx, AG_TLS_OUT);
    case AG_PROBE_GO_NAME:
        return on_go_name(ctx);
    case AG_PROBE_GO_HANDSHAKE:
        return on_go_handshake(ctx);
    case AG_PROBE_GO_CLOSE:
        return on_go_close(ctx);
    }
    return 0;
}

SEC("?uretprobe")
int tls_returns(struct pt_regs *ctx) {
    __u64 probe = bpf_get_attach_cookie(ctx);
    if (probe == AG_PROBE_NEW)
        return on_new(ctx);
    bool in = probe == AG_PROBE_READ || probe == AG_PROBE_READ_EX;
    bool ex = probe == AG_PROBE_READ_EX || probe == AG_PROBE_WRITE_EX;
    return tls_leave(ctx, in ? AG_TLS_IN : AG_TLS_OUT, ex);
}

/* All bytes that were ever given to a TCP socket. */
static __always_inline __u64 tcp_given(struct sock *sk) {
    struct tcp_sock *tcp = (void *)sk;
    return BPF_CORE_READ(tcp, bytes_acked) + (__u32)(BPF_CORE_READ(tcp, write_seq) - BPF_CORE_READ(tcp, snd_una));
}

/*
 * Where the library writes to memory (Node, asyncio) its bytes are sent after its call, by the same thread. A socket is
 * taken for the connection's when it has carried what the connection's plaintext comes to, or just now what the thread
 * has written; or when both are new and more has been written than the socket takes at once.
 */
static __always_inline bool tls_fits(const struct tls_connection *c, const struct tls_thread *thread, struct sock *sk,
                                     __u64 sent) {
    __u64 given = tcp_given(sk), out = c->moved[1];
    if (!thread->wrote)
        return false;
    if (is_encrypted(given, out, TLS_HANDSHAKE) || is_encrypted(sent, thread->wrote, TLS_HANDSHAKE))
        return true;
    return out == thread->wrote && given < out && given - sent <= TLS_HANDSHAKE && sent >= TLS_HANDSHAKE;
}

static __always_inline struct sock *tcp_of(struct pt_regs *regs) {
    struct socket *sock = socket_of_fd((__s32)ag_syscall_arg(regs, false, 0));
    struct sock *sk = sock ? BPF_CORE_READ(sock, sk) : NULL;
    return sk && is_tcp(sk) ? sk : NULL;
}

static __always_inline void tls_peer(__u64 number, struct sock *sk) {
    __u32 slot;
    struct scratch *s = tls_begin(AG_TLS_PEER, number, &slot);
    if (!s)
        return;
    part_socket_address(s, sk, true, 0);
    part_socket_address(s, sk, false, AG_PART_SECOND);
    tls_send(s);
    scratch_release(s);
}

static __always_inline void tls_join(struct tls_connection *c, struct sock *sk) {
    c->has_peer = 1;
    tls_peer(c->number, sk);
}

/* The goroutine that makes the system call is in a call on a connection: whatever thread it began that on. */
static __always_inline bool tls_moved_in_go(struct pt_regs *regs) {
    struct tls_goroutine goroutine = {.goroutine = BPF_CORE_READ(regs, AG_GO_GOROUTINE), .tgid = current_ids() >> 32};
    struct tls_key *there = own_entry(&tls_goroutines, current_agent(), &goroutine);
    if (!there)
        return false;
    struct sock *sk = tcp_of(regs);
    if (!sk)
        return true;
    struct tls_key key = *there;
    struct tls_connection *c = own_entry(&tls_connections, current_agent(), &key);
    own_remove(&tls_goroutines, current_agent(), &goroutine);
    if (c && !c->has_peer)
        tls_join(c, sk);
    return true;
}

/* A system call moves bytes through a descriptor: inside a call into the library that is the connection's own. */
static __always_inline void tls_moved(struct pt_regs *regs, const struct ag_layout *layout, long ret) {
    if (tls_moved_in_go(regs))
        return;
    __u64 ids = bpf_get_current_pid_tgid();
    struct tls_thread *thread = own_entry(&tls_threads, current_agent(), &ids);
    if (!thread || (!thread->inside && layout->moves != AG_MOVES_OUT))
        return;
    struct sock *sk = tcp_of(regs);
    if (!sk)
        return;
    struct tls_key key = thread->key;
    struct tls_connection *c = own_entry(&tls_connections, current_agent(), &key);
    if (c && c->trial && thread->inside && layout->moves == AG_MOVES_OUT)
        c->sent += ret;
    bool fits = c && !c->has_peer && (thread->inside || tls_fits(c, thread, sk, ret));
    if (!c || !c->trial || !thread->inside)
        own_remove(&tls_threads, current_agent(), &ids);
    if (fits)
        tls_join(c, sk);
}

#endif
