/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which rule decides, and the record of what it is against. The same order as src/policy/engine: of all clauses whose
 * object, operation and conditions fit, the first; clauses without an object behind all others; then default_action.
 *
 * The verdict is reached before anything is told of it, so a full ring changes none.
 */
#ifndef AGENTGOV_VERDICT_H
#define AGENTGOV_VERDICT_H

#define AG_EPERM 1
#define AG_EACCES 13
#define NO_CLAUSE (~0ULL)
#define PORTS_ALL 0xffff

/* What `record.fold` holds (include/policy.h); never 0, for one bit is always set. */
#define VERDICT_DENIES (1ULL << 48)
#define VERDICT_APPROVAL (1ULL << 49)
#define VERDICT_THERE (1ULL << 63)

static __always_inline bool actors_fit(const struct ag_clause *c, const struct asking *ask) {
    __u32 program = c->actors & 0xffff, script = c->actors >> 16;
    if (program && !(ask->programs >> ((program - 1) & 63) & 1))
        return false;
    return !script || ask->scripts >> ((script - 1) & 63) & 1 || (ask->unknown && c->forbids);
}

static __always_inline bool clause_fits(const struct ag_clause *c, const struct asking *ask, __u32 permit,
                                        __u32 forbid) {
    if (!(c->ops & (c->forbids ? forbid : permit)))
        return false;
    if (c->actors && !actors_fit(c, ask))
        return false;
    if (c->protocols && !(c->protocols & ask->protocol))
        return false;
    if (c->written && c->written != (ask->written ? AG_BY_TREE : AG_BY_OTHERS))
        return false;
    if (!c->ports)
        return true;
#pragma unroll
    for (__u32 i = 0; i < AG_PORTS; i++)
        if (i < c->ports && ask->port >= (c->range[i] & PORTS_ALL) && ask->port <= c->range[i] >> 16)
            return true;
    return false;
}

/* One clause, if it fits, as order << 32 | rule; NO_CLAUSE. Apart, so that the verifier meets it once and not 64 times.
 */
__attribute__((noinline)) __u64 fit(__u32 slot, __u32 key, __u32 permit, __u32 forbid) {
    struct scratch *s = scratch_at(slot);
    struct ag_clause *c = s ? own_entry(&clauses, s->agent, &key) : NULL;
    return s && c && clause_fits(c, &s->ask, permit, forbid) ? (__u64)c->order << 32 | c->rule : NO_CLAUSE;
}

/* Of a list the first that fits, in the same form. */
__attribute__((noinline)) __u64 first_fit(__u32 slot, __u32 start, __u32 count, __u32 permit, __u32 forbid) {
    for (__u32 i = 0; i < AG_LIST_MAX; i++) {
        if (i >= count)
            break;
        __u64 found = fit(slot, start + i, permit, forbid);
        if (found != NO_CLAUSE)
            return found;
    }
    return NO_CLAUSE;
}

static __always_inline __u64 nearer(__u64 best, __u32 slot, const struct ag_list *list, __u32 permit, __u32 forbid) {
    if (!list->count)
        return best;
    __u64 found = first_fit(slot, list->start, list->count, permit, forbid);
    return found < best ? found : best;
}

static __always_inline __u64 nearer_by_state(__u64 best, struct scratch *s, __u32 slot, __u32 state, __u32 permit,
                                             __u32 forbid, bool below) {
    struct ag_state *at = state_at(s, state);
    return at ? nearer(best, slot, below ? &at->below : &at->at, permit, forbid) : best;
}

static __always_inline __u64 verdict_of(__u32 rule, __u32 reason, __u32 error, bool denies) {
    return VERDICT_THERE | rule | (__u64)reason << 32 | (__u64)error << 40 | (denies ? VERDICT_DENIES : 0);
}

enum ask_how {
    ASK_RULES_ONLY = 1, /* no rule, no verdict: the default is asked elsewhere */
    ASK_BELOW = 2, /* a folder that goes away takes all with it that is below: what forbids that, and nothing else */
    ASK_KNOWN = 4, /* by the name that the file had, where that is another one: rules only */
};

/* What the policy says of one operation on the object in s->ask: 0, or a verdict against it. */
__attribute__((noinline)) __u64 decide(__u32 slot, __u32 cls, __u32 permit, __u32 forbid, __u32 how) {
    struct scratch *s = scratch_at(slot);
    struct ag_policy *p = s ? policy_of(s) : NULL;
    if (!s || !p || cls >= AG_OF_MAX)
        return 0;
    __u32 rule = p->defaults[cls];
    if (s->ask.reason == AG_TOO_DEEP || s->ask.reason == AG_NAMELESS)
        return verdict_of(rule | p->serial << 16, s->ask.reason, AG_EPERM, p->enforce);
    bool below = how & ASK_BELOW;
    bool known = how & ASK_KNOWN;
    __u64 best = nearer_by_state(NO_CLAUSE, s, slot, known ? s->ask.known : s->ask.fixed, permit, forbid, below);
    best = nearer_by_state(best, s, slot, s->ask.floating, permit, forbid, below);
    best = nearer(best, slot, &s->ask.net, permit, forbid);
    if (best == NO_CLAUSE && !below && !known)
        best = nearer(best, slot, &p->general, permit, forbid);
    __u32 reason = known ? AG_SAME_FILE : AG_BY_RULE;
    if (best != NO_CLAUSE)
        rule = best;
    else if (how)
        return 0;
    else
        reason = s->ask.reason;
    __u32 row = p->rules + rule;
    struct ag_rule *r = own_entry(&rules, s->agent, &row);
    rule |= p->serial << 16;
    if (!r)
        return verdict_of(rule, reason, AG_EPERM, p->enforce);
    if (r->action == AG_ALLOW) {
        if (r->rate && !s->ask.asked && !how)
            s->ask.limited = row + 1;
        return 0;
    }
    if (r->action != AG_APPROVAL)
        return verdict_of(rule, reason, r->error, r->enforce);
    return VERDICT_APPROVAL | verdict_of(rule, known ? reason : AG_NO_APPROVAL, r->error, r->enforce);
}

/* One that is only told before none, one that denies before that; and what nobody can allow before what a human could.
 */
static __always_inline __u32 severity(__u64 verdict) {
    if (!verdict)
        return 0;
    return 1 + !(verdict & VERDICT_APPROVAL) + (verdict & VERDICT_DENIES ? 2 : 0);
}

static __always_inline void count_in(struct scratch *s, __u64 verdict) {
    if (severity(verdict) > severity(s->ask.verdict))
        s->ask.verdict = verdict;
}

/* A rule that no clause competes with (enum ag_own): it adds to what the clauses say. */
static __always_inline void add_own(struct scratch *s, enum ag_own own) {
    struct ag_policy *p = policy_of(s);
    if (own == AG_OWN_NONE || !p || !p->own_rules)
        return;
    __u32 rule = p->own_rules + own - AG_OWN_PROCESS, row = p->rules + rule;
    struct ag_rule *r = own_entry(&rules, s->agent, &row);
    if (r)
        count_in(s, verdict_of(rule | p->serial << 16, AG_BY_RULE, r->error, r->enforce));
}

/* Asks once more. Of several verdicts the most severe one counts, and of equals the first. */
__attribute__((noinline)) int ask(__u32 slot, __u32 cls, __u32 permit, __u32 forbid, __u32 how) {
    struct scratch *s = scratch_at(slot);
    if (!s)
        return 0;
    count_in(s, decide(slot, cls, permit, forbid, how));
    s->ask.asked = 1;
    if (s->ask.known != s->ask.fixed)
        count_in(s, decide(slot, cls, permit, forbid, how | ASK_KNOWN));
    if (is_guarded_name(s, slot, forbid))
        add_own(s, AG_OWN_AGENTS);
    return 0;
}

/* Whatever is asked is denied. Apart, so that the verifier meets it once and not in every program. */
__attribute__((noinline)) int deny_unlogged(__u32 slot) {
    struct scratch *s = scratch_at(slot);
    if (s)
        add_own(s, AG_OWN_LOG);
    return 0;
}

/* Is there anything to be asked about a member? */
static __always_inline bool has_policy(void) {
    struct ag_policy *p = policy_now();
    return p && p->active;
}

static __always_inline bool is_governed(void) {
    return is_member(current_ids() >> 32) && has_policy();
}

/* Starts a question. NULL when there is no place to think: see verdict_busy(). */
static __always_inline struct scratch *verdict_begin(__u16 kind, __u32 *slot) {
    struct scratch *s = record_begin(kind, AG_CLASS_VERDICT, slot);
    if (!s)
        return s;
    s->ask.head = head_of(s->agent);
    s->ask.verdict = s->ask.programs = s->ask.scripts = 0;
    s->ask.fixed = s->ask.floating = s->ask.known = s->ask.reason = s->ask.protocol = s->ask.unknown = 0;
    s->ask.asked = s->ask.limited = s->ask.written = 0;
    s->ask.leaf = 0;
    s->ask.port = AG_NO_PORT;
    s->ask.net.count = 0;
    struct ag_policy *p = policy_of(s);
    if (p && p->scoped)
        who_acts(s, *slot, p->scoped);
    s->rec.flags |= AG_F_VERDICT;
    if (agent_row(s->agent)->log_failed)
        deny_unlogged(*slot);
    return s;
}

/* All slots of this CPU are taken, which record_begin() has counted as a loss: what cannot be asked is denied. */
static __always_inline int verdict_busy(void) {
    struct ag_policy *p = policy_now();
    return p && (p->enforce || agent_row(current_agent())->log_failed) ? -AG_EPERM : 0;
}

/*
 * Of a rule that lets so much through and no more: counts this, or is against it. Last of all, for what another rule is
 * against does not count. Where a question asks for several things, what it asks first is what counts, as in replay.
 */
static __attribute__((noinline)) void count_off(struct scratch *s) {
    __u32 row = s->ask.limited - 1;
    struct ag_policy *p = policy_of(s);
    struct ag_rule *r = own_entry(&rules, s->agent, &row);
    if (p && r && !admit(s->agent, r->rate - 1, s->rec.ktime))
        s->ask.verdict = verdict_of((row - p->rules) | p->serial << 16, AG_TOO_OFTEN, r->error, r->enforce);
}

/* Is there something against it that has to be told? `told`: what one copy found has been. */
static __always_inline bool verdict_stands(struct scratch *s, bool told) {
    if (s->ask.limited && !s->ask.verdict && !told)
        count_off(s);
    return s->ask.verdict && (!told || s->ask.verdict & VERDICT_DENIES);
}

/* Nothing is against it, so far: then there is nothing to tell either. */
static __always_inline bool verdict_passes(struct scratch *s) {
    if (verdict_stands(s, is_told()))
        return false;
    scratch_release(s);
    return true;
}

/* Tells what the policy is against, and gives the answer to the kernel. */
static __always_inline int verdict_tell(struct scratch *s) {
    __u64 verdict = s->ask.verdict;
    bool denies = verdict & VERDICT_DENIES, eacces = (verdict >> 40 & 0xff) == AG_EACCES;
    s->rec.fold = verdict;
    if (in_io_uring())
        s->rec.flags |= AG_F_URING;
    s->rec.ret = !denies ? 0 : eacces ? -AG_EACCES : -AG_EPERM;
    record_send(s, true);
    if (!denies)
        return 0;
    return eacces ? -AG_EACCES : -AG_EPERM;
}

static __always_inline int verdict_end(struct scratch *s) {
    int answer = verdict_tell(s);
    scratch_release(s);
    return answer;
}

#endif
