/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include "fold.h"

#define REMOVE_BATCH 256

struct folds *folds_new(struct fold_map map, struct fold_sink sink, struct processes *processes) {
    struct folds *f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->map = map;
    f->sink = sink;
    f->processes = processes;
    return f;
}

void folds_free(struct folds *f) {
    for (size_t i = 0; i < FOLD_BUCKETS; i++)
        for (struct fold *fold = f->buckets[i], *next; fold; fold = next) {
            next = fold->next;
            free(fold);
        }
    free(f->orphans);
    free(f);
}

static struct fold **bucket_of(struct folds *f, __u64 hash) {
    return &f->buckets[hash % FOLD_BUCKETS];
}

static struct fold *find(struct folds *f, const struct ag_fold_key *key) {
    for (struct fold *fold = *bucket_of(f, key->hash); fold; fold = fold->next)
        if (fold->hash == key->hash && fold->process->pid == key->pid && fold->process->start == key->start)
            return fold;
    return NULL;
}

static struct ag_fold_key key_of(const struct fold *fold) {
    return (struct ag_fold_key){.start = fold->process->start, .hash = fold->hash, .pid = fold->process->pid};
}

static void tell(struct folds *f, struct fold *fold, __u64 total) {
    if (total <= fold->told)
        return;
    if (!f->sink.room(f->sink.arg)) {
        f->behind = true;
        return;
    }
    __u64 more = total - fold->told;
    fold->told = total;
    f->sink.count(f->sink.arg, fold->size ? fold->record : NULL, fold->size, fold->cls, fold->process, more);
}

static void keep_in_memory(struct folds *f, const struct ag_record *head, const void *bytes, size_t size,
                           struct process *p) {
    if (f->bytes + size > FOLD_BYTES_MAX)
        size = 0; /* its repeats are then told as lost, not left out */
    struct fold *fold = malloc(sizeof(*fold) + size);
    if (!fold && size) {
        size = 0;
        fold = malloc(sizeof(*fold));
    }
    if (!fold)
        return; /* the sweep finds a key that belongs to nothing, and its total becomes a loss */
    *fold = (struct fold){.hash = head->fold, .process = p, .cls = head->cls, .size = size};
    memcpy(fold->record, bytes, size);
    struct fold **bucket = bucket_of(f, fold->hash);
    fold->next = *bucket;
    *bucket = fold;
    fold->next_of_same = p->folds;
    p->folds = fold;
    f->count++;
    f->bytes += size;
}

void folds_keep(struct folds *f, const struct record *r, const void *bytes, size_t size, struct process *p) {
    struct ag_fold_key key = {.start = r->head.start, .hash = r->head.fold, .pid = r->head.pid};
    if (!p || p->exited) {
        __u64 total;
        if (!f->map.lookup(f->map.arg, &key, &total))
            return;
        if (total)
            f->sink.count(f->sink.arg, bytes, size, r->head.cls, p, total);
        f->map.remove(f->map.arg, &key, 1);
        return;
    }
    if (!find(f, &key)) /* two threads may both have been the first: two events, one key */
        keep_in_memory(f, &r->head, bytes, size, p);
}

void folds_tell(struct folds *f, struct process *p) {
    for (struct fold *fold = p->folds; fold; fold = fold->next_of_same) {
        struct ag_fold_key key = key_of(fold);
        __u64 total;
        if (f->map.lookup(f->map.arg, &key, &total))
            tell(f, fold, total);
    }
}

static void forget(struct folds *f, struct fold *fold) {
    struct fold **at = bucket_of(f, fold->hash);
    while (*at != fold)
        at = &(*at)->next;
    *at = fold->next;
    f->count--;
    f->bytes -= fold->size;
    free(fold);
}

/* Takes the first key of a process apart. False when its count could not be told. */
static bool end_first(struct folds *f, struct process *p, struct ag_fold_key *key) {
    struct fold *fold = p->folds;
    __u64 total;
    *key = key_of(fold);
    if (f->map.lookup(f->map.arg, key, &total)) {
        tell(f, fold, total);
        if (fold->told < total)
            return false;
    }
    p->folds = fold->next_of_same;
    forget(f, fold);
    return true;
}

bool folds_end(struct folds *f, struct process *p) {
    struct ag_fold_key keys[REMOVE_BATCH];
    size_t n = 0;
    bool more = true;
    while (more && p->folds) {
        more = end_first(f, p, &keys[n]);
        if (more)
            n++;
        if (n == REMOVE_BATCH) {
            f->map.remove(f->map.arg, keys, n);
            n = 0;
        }
    }
    if (n)
        f->map.remove(f->map.arg, keys, n);
    return !p->folds;
}

/* One pass over the map. */
struct sweep {
    struct folds *folds;
    bool caught_up;
    __u64 *orphans; /* names of the keys that nothing here explains */
    size_t count, cap;
    struct ag_fold_key *dead; /* those that the last sweep could not explain either */
    size_t dead_count, dead_cap;
};

static int by_number(const void *a, const void *b) {
    __u64 x = *(const __u64 *)a, y = *(const __u64 *)b;
    return x < y ? -1 : x > y;
}

/* One number for a key; keyed hashes make two keys with the same one as good as impossible. */
static __u64 key_name(const struct ag_fold_key *key) {
    return key->hash ^ key->start ^ (__u64)key->pid << 32;
}

static void *grow(void *array, size_t *cap, size_t item) {
    size_t more = *cap ? 2 * *cap : 64;
    void *grown = realloc(array, more * item);
    if (grown)
        *cap = more;
    return grown;
}

static bool was_orphan(const struct folds *f, __u64 name) {
    return f->orphans_count && bsearch(&name, f->orphans, f->orphans_count, sizeof(name), by_number);
}

static void note_orphan(struct sweep *s, __u64 name) {
    if (s->count == s->cap) {
        __u64 *grown = grow(s->orphans, &s->cap, sizeof(*grown));
        if (!grown)
            return; /* looked at again by the next sweep */
        s->orphans = grown;
    }
    s->orphans[s->count++] = name;
}

/*
 * A key without a copy: its record is still on its way to us, or was lost (then it is pending and counts nothing), or
 * could not be kept. Five seconds later, with the process gone, only the last two are left.
 */
static void sweep_unknown(struct sweep *s, const struct ag_fold_key *key, const struct ag_fold *fold) {
    struct folds *f = s->folds;
    __u64 name = key_name(key);
    struct ag_record head = {.pid = key->pid, .start = key->start};
    struct process *p = processes_of(f->processes, &head);
    if (p && !p->exited)
        return;
    if (!s->caught_up || !was_orphan(f, name)) {
        note_orphan(s, name);
        return;
    }
    if (s->dead_count == s->dead_cap) {
        struct ag_fold_key *grown = grow(s->dead, &s->dead_cap, sizeof(*grown));
        if (!grown)
            return;
        s->dead = grown;
    }
    s->dead[s->dead_count++] = *key;
    if (fold->state == AG_FOLD_SEEN && fold->count)
        f->sink.count(f->sink.arg, NULL, 0, AG_CLASS_FILE, p, fold->count);
}

static void sweep_one(void *arg, const struct ag_fold_key *key, const struct ag_fold *kernel) {
    struct sweep *s = arg;
    struct fold *fold = find(s->folds, key);
    if (!fold)
        sweep_unknown(s, key, kernel);
    else if (kernel->state == AG_FOLD_SEEN)
        tell(s->folds, fold, kernel->count);
}

void folds_sweep(struct folds *f, bool caught_up) {
    struct sweep s = {.folds = f, .caught_up = caught_up};
    f->behind = false;
    f->map.scan(f->map.arg, sweep_one, &s);
    if (s.dead_count)
        f->map.remove(f->map.arg, s.dead, s.dead_count);
    free(s.dead);
    free(f->orphans);
    if (s.count)
        qsort(s.orphans, s.count, sizeof(*s.orphans), by_number);
    f->orphans = s.orphans;
    f->orphans_count = s.count;
}
