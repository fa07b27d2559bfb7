/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What each command of stdin does. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attach.h"
#include "base64.h"
#include "clock.h"
#include "connections.h"
#include "control.h"
#include "fold_map.h"
#include "guards.h"
#include "policy.h"
#include "report.h"
#include "session.h"
#include "set.h"
#include "tables.h"
#include "written.h"

static const char *code_of(int err) {
    switch (-err) {
    case ESRCH:
        return "ESRCH";
    case EINVAL:
        return "EINVAL";
    case EAGAIN:
        return "EAGAIN";
    case ENOMEM:
        return "ENOMEM";
    case EEXIST:
        return "EEXIST";
    default:
        return "EIO";
    }
}

/* What earlier loaders have left of this agent. -EEXIST when it is another one's. */
static int find_kept(struct session *s, const struct command *c, struct kept_runs *kept, char *why, size_t size) {
    char other[KEPT_AGENT];
    if (kept_elsewhere(s->agent_id, c->pids, c->pids_count, other, sizeof(other))) {
        snprintf(why, size, "The policy of another agent, %s, is in force there already; agentgov detach %s ends that.",
                 other, other);
        return -EEXIST;
    }
    int err = kept_find(kept, s->agent_id, &s->kept);
    if (err)
        snprintf(why, size, "What holds this agent already cannot be taken over: %s.", kept_error(err));
    return err;
}

/* Marks the trees. 0, or a negative errno with a sentence. */
static int attach(struct session *s, const struct command *c, struct attached *attached, char *why, size_t size) {
    struct kept_runs kept = {0};
    if (s->programs.tls && !s->tls_watch)
        s->tls_watch = tls_watch_start(&s->programs);
    if (s->programs.tls && !s->tls_watch) {
        snprintf(why, size, "There is no memory left for capturing TLS.");
        return -ENOMEM;
    }
    int err = s->programs.enforces ? find_kept(s, c, &kept, why, size) : 0;
    if (!err)
        err = attach_trees(&s->programs, c->pids, c->pids_count, &kept, attached, why, size);
    if (!err && written_adopt(&s->programs, &kept))
        losses_add(&s->losses, AG_CLASS_SECURITY, LOSS_MEMORY, 1);
    kept_runs_free(&kept);
    if (!err && s->keeps && (err = kept_pin(&s->kept, &s->programs, s->agent_id))) {
        snprintf(why, size, "What holds the agent could not be pinned: %s.", kept_error(err));
        attached_free(attached);
    }
    return err;
}

static void govern(struct session *s, const struct command *c) {
    char why[1024];
    struct attached attached;
    struct members *m = &s->programs.members;
    bool first = members_next(m, 1) == 0;
    if (s->programs.shared && !set_lock(SET_PATIENCE)) {
        control_error(out_buf(&s->out), &c->id, "EAGAIN",
                      "Another agentgov-loader has been at work for half a minute and lets nobody begin; try again.");
        return;
    }
    int err = attach(s, c, &attached, why, sizeof(why));
    set_unlock();
    if (err) {
        control_error(out_buf(&s->out), &c->id, code_of(err), why);
        return;
    }
    if (first) /* what was missed before was nobody's of the tree */
        tier_missed(s->programs.skel, s->missed_before);
    s->begun = s->governing = true;
    s->empty_at = 0;
    if (s->tls_watch) /* before anybody is told that all is seen */
        tls_watch_adopt(s->tls_watch);
    control_governing(out_buf(&s->out), c->id, attached.roots, attached.roots_count, members_count(m));
    if (connections_adopt(s->programs.skel)) /* one at least, of a number that is not known */
        losses_add(&s->losses, AG_CLASS_NETWORK, LOSS_MEMORY, 1);
    size_t lost = report_running(s->programs.skel, s->stream.processes, &s->merge, attached.pids, attached.count);
    losses_add(&s->losses, AG_CLASS_FILE, LOSS_MEMORY, lost);
    attached_free(&attached);
}

static void stop(struct session *s, const struct command *c) {
    if (s->stop.active)
        control_error(out_buf(&s->out), &c->id, "EBUSY", "The tree is being stopped already.");
    else if (!stop_begin(&s->stop, c->id, clock_now()))
        control_error(out_buf(&s->out), &c->id, "ENOMEM", "There is no memory left.");
    else if (!s->begun) { /* nobody is governed, so nobody is left */
        control_stopped(out_buf(&s->out), c->id, 0, 0);
        stop_end(&s->stop);
    }
}

static void stats(struct session *s, const struct command *c) {
    struct stats stats = {
        .processes = members_count(&s->programs.members),
        .folds = fold_map_count(s->folds_fd),
        .map_bytes = programs_map_bytes(&s->programs),
    };
    session_tell_losses(s);
    for (int cls = 0; cls < AG_CLASS_MAX; cls++) {
        stats.emitted[cls] = s->stream.emitted[cls];
        stats.lost[cls] = losses_of(&s->losses, cls);
    }
    stats.emitted[AG_CLASS_TLS] = s->tls.written;
    control_stats(out_buf(&s->out), c->id, &stats);
}

static void tables(struct session *s, const struct command *c) {
    char why[256];
    bool member;
    size_t count;
    int err = tables_ask(s->programs.skel, c->pids[0], &member, &count, why, sizeof(why));
    if (err)
        control_error(out_buf(&s->out), &c->id, code_of(err), why);
    else
        control_tables(out_buf(&s->out), c->id, c->pids[0], member, count);
}

/* Before anybody is governed it is a wish: govern() pins then. */
static void keep(struct session *s, const struct command *c) {
    char why[512];
    s->keeps = c->name == CMD_KEEP && kept_possible(why, sizeof(why));
    if (!s->keeps)
        kept_unpin(&s->kept);
    int err = s->keeps && s->governing ? kept_pin(&s->kept, &s->programs, s->agent_id) : 0;
    if (err)
        snprintf(why, sizeof(why), "nothing could be pinned (%s)", kept_error(err));
    if (err || (c->name == CMD_KEEP && !s->keeps))
        control_error(out_buf(&s->out), &c->id, code_of(err), why);
    else
        control_keeping(out_buf(&s->out), c->id, s->keeps);
}

static void take_over(struct session *s, const struct command *c) {
    struct kept_runs kept;
    struct kept_account account = {0};
    int err = kept_find(&kept, s->agent_id, &s->kept);
    if (err) {
        control_error(out_buf(&s->out), &c->id, code_of(err), kept_error(err));
        return;
    }
    kept_end(&kept, &account);
    kept_runs_free(&kept);
    control_taken_over(out_buf(&s->out), c->id, &account);
}

static void forget(struct session *s, const struct command *c) {
    struct kept_runs kept;
    if (kept_find(&kept, s->agent_id, &s->kept) == 0) {
        kept_forget(&kept);
        kept_runs_free(&kept);
    }
    control_keeping(out_buf(&s->out), c->id, s->keeps);
}

static void policy(struct session *s, const struct command *c) {
    char why[256];
    size_t entries = 0;
    int err;
    if (c->name == CMD_POLICY)
        err = policy_put(&s->programs, c, &entries, why, sizeof(why));
    else if (c->name == CMD_CLEAR)
        err = policy_clear(&s->programs, &entries, why, sizeof(why));
    else if (c->name == CMD_SWAP)
        err = policy_swap(&s->programs, c->head, why, sizeof(why));
    else
        err = policy_block(&s->programs, c->name == CMD_BLOCK, why, sizeof(why));
    if (err)
        control_error(out_buf(&s->out), &c->id, code_of(err), why);
    else
        control_policy(out_buf(&s->out), c->id, entries);
}

static void guard(struct session *s, const struct command *c) {
    unsigned char *list;
    ssize_t size = base64_decode(c->data, c->data_len, &list);
    size_t count = 0;
    int err = size < 0 ? size : guards_name(&s->programs, (char *)list, size, &count);
    free(list);
    if (err == -E2BIG)
        control_error(out_buf(&s->out), &c->id, code_of(err), "too many folders lead to them");
    else if (err)
        control_error(out_buf(&s->out), &c->id, code_of(err), strerror(-err));
    else
        control_policy(out_buf(&s->out), c->id, count);
}

void session_command(struct session *s, const char *line, size_t len) {
    struct command c;
    const char *why;
    if (!command_parse(line, len, &c, &why)) {
        control_error(out_buf(&s->out), c.has_id ? &c.id : NULL, "EINVAL", why);
        return;
    }
    switch (c.name) {
    case CMD_GOVERN:
        govern(s, &c);
        break;
    case CMD_STOP:
        stop(s, &c);
        break;
    case CMD_STATS:
        stats(s, &c);
        break;
    case CMD_MEMBER:
        control_member(out_buf(&s->out), c.id, c.pids[0], members_has(&s->programs.members, c.pids[0]));
        break;
    case CMD_TABLES:
        tables(s, &c);
        break;
    case CMD_POLICY:
    case CMD_SWAP:
    case CMD_CLEAR:
    case CMD_BLOCK:
    case CMD_UNBLOCK:
        policy(s, &c);
        break;
    case CMD_KEEP:
    case CMD_RELEASE:
        keep(s, &c);
        break;
    case CMD_TAKE_OVER:
        take_over(s, &c);
        break;
    case CMD_FORGET:
        forget(s, &c);
        break;
    case CMD_GUARD:
        guard(s, &c);
        break;
    case CMD_LEAVE:
        s->leave = true;
        break;
    case CMD_QUIT:
        s->quit = true;
        break;
    case CMD_NONE:
        break;
    }
}
