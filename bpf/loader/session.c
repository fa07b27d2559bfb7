/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <bpf/libbpf.h>
#include "clock.h"
#include "control.h"
#include "fold_map.h"
#include "guards.h"
#include "session.h"
#include "set.h"

#define MERGE_BYTES (24u << 20)
#define TICK_NS (100 * NS_PER_MS)      /* while there is work it is done by the clock: a wake-up for many records */
#define FLOOD_TICK_NS (10 * NS_PER_MS) /* when they come fast: pieces that memory and the reader do not mind */
#define FLOOD 1000                     /* records of one turn */
#define STOP_STEP_NS (2 * NS_PER_MS)
#define SWEEP_NS (5 * NS_PER_SEC)
#define SETTLE_NS (5 * NS_PER_MS) /* from a program's look at the clock to its record in the ring */

bool session_open(struct session *s, const char *agent_id, const struct programs_options *options, char *why,
                  size_t size, bool *internal) {
    *internal = false;
    if (!programs_load(&s->programs, options, agent_id, why, size))
        return false;
    *internal = true;
    s->agent_id = agent_id;
    if (options->enforce) /* before a policy is compiled, which protects what is mounted then */
        kept_possible(why, size);
    struct agentgov_bpf *skel = s->programs.skel;
    const struct agent_maps *own = &s->programs.own;
    s->folds_fd = agent_maps_fd(own, skel->maps.folds);
    merge_init(&s->merge, MERGE_BYTES);
    int err = rings_open(&s->rings, agent_maps_fd(own, skel->maps.critical), agent_maps_fd(own, skel->maps.bulk),
                         &s->merge, &s->losses);
    if (!err && options->tls)
        err = tls_ring_open(&s->tls, agent_maps_fd(own, skel->maps.tls), &s->losses);
    if (err) {
        snprintf(why, size, "The rings could not be mapped: %s.", strerror(-err));
        return false;
    }
    if (!losses_init(&s->losses, bpf_map__fd(skel->maps.counters), s->programs.members.agent,
                     libbpf_num_possible_cpus()) ||
        !stream_init(&s->stream, agent_id, fold_map_of(&s->folds_fd), &s->losses, &s->out)) {
        snprintf(why, size, "There is not enough memory.");
        return false;
    }
    uint64_t now = clock_now();
    s->complete = now;
    s->second_at = now + NS_PER_SEC;
    s->sweep_at = now + SWEEP_NS;
    return true;
}

void session_close(struct session *s) {
    stop_end(&s->stop);
    rings_close(&s->rings);
    tls_ring_close(&s->tls);
    if (s->current)
        merge_done(s->current);
    merge_free(&s->merge);
    if (s->stream.processes)
        stream_free(&s->stream);
    losses_free(&s->losses);
    if (s->programs.skel && !s->leave) /* what is pinned goes on when our end of it is closed by the kernel */
        programs_unload(&s->programs);
}

/* Writes records whose time has come, as far as there is room. True when no such record is left. */
static bool write_due(struct session *s, uint64_t now) {
    while (out_room(&s->out)) {
        if (!s->current)
            s->current = merge_take(&s->merge, now, &s->current_ktime);
        if (!s->current)
            return tls_ring_write(&s->tls, &s->out, now - MERGE_WINDOW_NS);
        /* In its place, unless the reader is behind: then plaintext waits, and nothing waits for it. */
        tls_ring_write(&s->tls, &s->out, s->current_ktime);
        if (!stream_write(&s->stream, s->current->bytes, s->current->size, s->current->flags, s->current_ktime))
            return false;
        merge_done(s->current);
        s->current = NULL;
        out_flush_large(&s->out);
    }
    return false;
}

/* All that is left in the merge is later than its first, and all that is not yet in a ring is later than `read_at`. */
static void note_complete(struct session *s, bool read_all, uint64_t read_at) {
    uint64_t complete = read_all ? read_at - SETTLE_NS : s->complete;
    if (s->current && s->current_ktime < complete)
        complete = s->current_ktime;
    if (s->merge.count && merge_due(&s->merge) - MERGE_WINDOW_NS < complete)
        complete = merge_due(&s->merge) - MERGE_WINDOW_NS;
    if (complete > s->complete)
        s->complete = complete;
}

static bool is_member(void *arg, __u32 pid) {
    return members_has(arg, pid);
}

/* What others have left that were killed; when nobody is at work on it. */
static void sweep_set(struct session *s) {
    if (s->programs.shared && set_lock(0)) {
        set_sweep(&s->programs);
        guards_sweep(&s->programs);
    }
    set_unlock();
}

static void sweep(struct session *s, uint64_t now) {
    bool caught_up = s->complete > s->swept + NS_PER_SEC;
    s->swept = now;
    s->sweep_at = now + SWEEP_NS;
    /* Counts are as of now, but nothing may be dated before what has been written, or after what has not. */
    if (s->complete > s->stream.now)
        s->stream.now = s->complete;
    if (s->stream.now > s->merge.written)
        s->merge.written = s->stream.now;
    stream_sweep(&s->stream, is_member, &s->programs.members, caught_up);
}

static void note_missed(struct session *s) {
    __u64 missed[AG_CLASS_MAX];
    tier_missed(s->programs.skel, missed);
    for (int cls = 0; cls < AG_CLASS_MAX; cls++)
        losses_set(&s->losses, cls, LOSS_RECURSION, missed[cls] - s->missed_before[cls]);
}

void session_tell_losses(struct session *s) {
    note_missed(s);
    losses_tell(&s->losses, out_buf(&s->out));
}

static void keep_timers(struct session *s, uint64_t now) {
    if (now >= s->second_at) {
        s->second_at = now + NS_PER_SEC;
        clock_sync(&s->stream.events.clock);
        session_tell_losses(s);
        kept_attend(&s->kept, &s->losses);
    }
    if (now >= s->sweep_at && out_room(&s->out)) {
        sweep_set(s);
        sweep(s, now);
    }
}

/* The table has four million places: while one member that was there is there, nobody looks for another. */
static bool tree_is_empty(struct session *s) {
    if (members_has(&s->programs.members, s->witness))
        return false;
    s->witness = members_next(&s->programs.members, 1);
    return s->witness == 0;
}

/* Answers that wait until what they speak of has been written. */
static void tell_settled(struct session *s, uint64_t now) {
    if (s->stop.active && !s->stopped && stop_step(&s->stop, &s->programs.members, now)) {
        s->stopped = true;
        s->stopped_at = now;
    }
    if (s->stopped && s->complete > s->stopped_at) {
        control_stopped(out_buf(&s->out), s->stop.id, s->stop.killed, s->stop.left);
        stop_end(&s->stop);
        s->stopped = false;
    }
    if (!s->governing)
        return;
    if (!s->empty_at && tree_is_empty(s))
        s->empty_at = now;
    if (s->empty_at && s->complete > s->empty_at) {
        control_empty(out_buf(&s->out));
        s->governing = false;
        s->empty_at = 0;
    }
}

void session_turn(struct session *s) {
    uint64_t now = clock_now();
    if (s->begun) {
        size_t taken = 0;
        bool read_all = out_room(&s->out) && rings_read(&s->rings, &taken);
        s->more = !read_all;
        s->taken = taken;
        tls_ring_read(&s->tls);
        if (s->tls_watch)
            tls_watch_tell(s->tls_watch, out_buf(&s->out));
        write_due(s, clock_now());
        note_complete(s, read_all, now);
        keep_timers(s, now);
        tell_settled(s, now);
    }
    out_flush(&s->out);
}

static bool is_busy(const struct session *s) {
    return s->taken > 0 || s->current || s->merge.count > 0 || s->tls.first;
}

bool session_wants_rings(const struct session *s) {
    return s->begun && !is_busy(s) && out_room(&s->out);
}

static void earlier(uint64_t *at, uint64_t other) {
    if (other < *at)
        *at = other;
}

uint64_t session_next(const struct session *s) {
    uint64_t now = clock_now(), at = UINT64_MAX;
    if (!s->begun)
        return at;
    earlier(&at, s->second_at);
    if (!out_room(&s->out))
        return at; /* only the reader can help, or the clock */
    earlier(&at, s->sweep_at);
    if (s->more)
        return now;
    if (is_busy(s))
        earlier(&at, now + (s->taken < FLOOD && !s->tls.first ? TICK_NS : FLOOD_TICK_NS));
    if (s->stop.active && !s->stopped)
        earlier(&at, now + STOP_STEP_NS);
    if (s->stopped || s->empty_at)
        earlier(&at, now + SETTLE_NS);
    return at;
}

/* False when the reader has taken nothing for `give_up`, or never will. */
static bool push_out(struct session *s, uint64_t give_up) {
    return out_drain_some(&s->out, clock_now() + give_up);
}

/* Nobody is governed any more, whoever else holds the programs; what they have decided up to then is to be told. */
static void end_programs(struct session *s) {
    kept_unpin(&s->kept);
    members_give_all(&s->programs.members, AG_NOBODY);
    programs_detach();
    note_missed(s);
}

void session_finish(struct session *s, uint64_t give_up) {
    size_t taken;
    if (s->tls_watch)
        tls_watch_stop(s->tls_watch, out_buf(&s->out));
    s->tls_watch = NULL;
    if (s->leave)
        note_missed(s);
    else
        end_programs(s);
    members_barrier();
    bool read_all = false;
    for (;;) {
        if (!read_all && out_room(&s->out))
            read_all = rings_read(&s->rings, &taken);
        bool read_tls = tls_ring_read(&s->tls);
        bool written = write_due(s, UINT64_MAX);
        if (written && read_all && read_tls)
            break;
        if (!written && !push_out(s, give_up))
            return;
    }
    do {
        if (s->stream.now > s->merge.written)
            s->merge.written = s->stream.now;
        folds_sweep(s->stream.folds, true);
    } while (s->stream.folds->behind && push_out(s, give_up));
    losses_tell(&s->losses, out_buf(&s->out));
    struct stats stats;
    memcpy(stats.emitted, s->stream.emitted, sizeof(stats.emitted));
    stats.emitted[AG_CLASS_TLS] = s->tls.written;
    for (int cls = 0; cls < AG_CLASS_MAX; cls++)
        stats.lost[cls] = losses_of(&s->losses, cls);
    control_bye(out_buf(&s->out), &stats);
    while (out_waiting(&s->out) > 0 && push_out(s, give_up))
        ;
}
