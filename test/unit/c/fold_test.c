/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel table of our own behind the door of fold.h: whatever happens when, events + counts must stay the total. */
#include "check.h"
#include "loader/fold.h"

#define KEYS 64

struct table {
    struct ag_fold_key keys[KEYS];
    struct ag_fold folds[KEYS];
    int count;
};

struct told {
    __u64 sum, lost;
    int lines, room;
};

static struct made made;
static struct table table;
static struct told told;

static int find_key(const struct ag_fold_key *key) {
    for (int i = 0; i < table.count; i++)
        if (table.keys[i].hash == key->hash && table.keys[i].pid == key->pid && table.keys[i].start == key->start)
            return i;
    return -1;
}

static bool lookup(void *arg, const struct ag_fold_key *key, __u64 *total) {
    int at = find_key(key);
    (void)arg;
    if (at < 0)
        return false;
    *total = table.folds[at].state == AG_FOLD_SEEN ? table.folds[at].count : 0;
    return true;
}

static void remove_keys(void *arg, const struct ag_fold_key *keys, size_t n) {
    (void)arg;
    for (size_t i = 0; i < n; i++) {
        int at = find_key(&keys[i]);
        if (at < 0)
            continue;
        table.count--;
        table.keys[at] = table.keys[table.count];
        table.folds[at] = table.folds[table.count];
    }
}

static bool scan(void *arg, void (*each)(void *to, const struct ag_fold_key *key, const struct ag_fold *fold),
                 void *to) {
    (void)arg;
    for (int i = 0; i < table.count; i++)
        each(to, &table.keys[i], &table.folds[i]);
    return true;
}

static bool has_room(void *arg) {
    (void)arg;
    return told.room > 0;
}

static void count(void *arg, const void *bytes, size_t size, enum ag_class cls, struct process *p, __u64 more) {
    (void)arg;
    (void)cls;
    (void)p;
    if (bytes && size)
        told.sum += more;
    else
        told.lost += more;
    told.lines++;
    told.room--;
}

static struct folds *begin(struct processes **processes) {
    memset(&table, 0, sizeof(table));
    told = (struct told){.room = 1000};
    *processes = processes_new();
    return folds_new((struct fold_map){.lookup = lookup, .remove = remove_keys, .scan = scan},
                     (struct fold_sink){.room = has_room, .count = count}, *processes);
}

/* A process that the table knows, on a pid that no machine has. */
static struct process *spawn(struct processes *t, __u32 pid, __u64 start) {
    struct ag_record head = {.pid = pid, .start = start};
    return processes_fork(t, &head);
}

static struct ag_fold *kernel_key(struct process *p, __u64 hash, __u64 state) {
    table.keys[table.count] = (struct ag_fold_key){.start = p->start, .hash = hash, .pid = p->pid};
    table.folds[table.count] = (struct ag_fold){.state = state};
    return &table.folds[table.count++];
}

static void keep(struct folds *f, struct process *known, __u32 pid, __u64 start, __u64 hash) {
    struct record r;
    struct ag_record *head = make_record(&made, AG_OPEN);
    head->pid = pid;
    head->start = start;
    head->fold = hash;
    head->flags = AG_F_FOLDS;
    ADD_PART(&made, AG_PART_PATH, 0, "file\0");
    CHECK(record_parse(made.bytes, record_size(made.bytes), &r));
    folds_keep(f, &r, made.bytes, record_size(made.bytes), known);
}

static void end(struct folds *f, struct processes *t) {
    folds_free(f);
    processes_free(t);
}

#define PID 5000001
#define START 12345

static void tells_differences_once(void) {
    struct processes *t;
    struct folds *f = begin(&t);
    struct process *p = spawn(t, PID, START);
    struct ag_fold *kernel = kernel_key(p, 1, AG_FOLD_SEEN);
    keep(f, p, PID, START, 1);
    folds_sweep(f, true);
    CHECK(told.lines == 0);
    kernel->count = 10;
    folds_sweep(f, true);
    folds_sweep(f, true);
    CHECK(told.sum == 10 && told.lines == 1);
    kernel->count = 15;
    folds_tell(f, p);
    CHECK(told.sum == 15 && told.lines == 2);
    kernel->count = 17;
    CHECK(folds_end(f, p));
    CHECK(told.sum == 17 && table.count == 0 && f->count == 0 && f->bytes == 0);
    end(f, t);
}

/* Two threads were both the first: two events, one key, one total. */
static void takes_a_key_twice(void) {
    struct processes *t;
    struct folds *f = begin(&t);
    struct process *p = spawn(t, PID, START);
    kernel_key(p, 1, AG_FOLD_SEEN)->count = 4;
    keep(f, p, PID, START, 1);
    keep(f, p, PID, START, 1);
    CHECK(f->count == 1);
    CHECK(folds_end(f, p) && told.sum == 4);
    end(f, t);
}

/* Pending keys count nothing: their record was not sent, and the next one is. */
static void ignores_what_is_pending(void) {
    struct processes *t;
    struct folds *f = begin(&t);
    struct process *p = spawn(t, PID, START);
    kernel_key(p, 1, AG_FOLD_PENDING)->count = 99;
    keep(f, p, PID, START, 1);
    folds_sweep(f, true);
    CHECK(folds_end(f, p) && told.sum == 0 && told.lost == 0);
    end(f, t);
}

/* A record that comes after its process's end is told and removed at once. */
static void settles_the_dead_at_once(void) {
    struct processes *t;
    struct folds *f = begin(&t);
    struct process *p = spawn(t, PID, START);
    kernel_key(p, 1, AG_FOLD_SEEN)->count = 3;
    processes_exit(t, p);
    keep(f, p, PID, START, 1);
    CHECK(told.sum == 3 && table.count == 0 && f->count == 0);
    kernel_key(p, 2, AG_FOLD_SEEN)->count = 5;
    keep(f, NULL, PID, START, 2);
    CHECK(told.sum == 8 && table.count == 0);
    end(f, t);
}

/* The same pid again is another process, with keys of its own. */
static void tells_reused_pids_apart(void) {
    struct processes *t;
    struct folds *f = begin(&t);
    struct process *old = spawn(t, PID, START), *young = spawn(t, PID, START + 1);
    kernel_key(old, 1, AG_FOLD_SEEN)->count = 2;
    kernel_key(young, 1, AG_FOLD_SEEN)->count = 30;
    keep(f, old, PID, START, 1);
    keep(f, young, PID, START + 1, 1);
    CHECK(folds_end(f, old) && told.sum == 2 && table.count == 1);
    CHECK(folds_end(f, young) && told.sum == 32 && table.count == 0);
    end(f, t);
}

static void goes_on_when_there_is_room_again(void) {
    struct processes *t;
    struct folds *f = begin(&t);
    struct process *p = spawn(t, PID, START);
    for (__u64 hash = 1; hash <= 50; hash++) {
        kernel_key(p, hash, AG_FOLD_SEEN)->count = hash;
        keep(f, p, PID, START, hash);
    }
    told.room = 20;
    folds_sweep(f, true);
    CHECK(f->behind && told.lines == 20);
    told.room = 10;
    CHECK(!folds_end(f, p));
    CHECK(told.lines == 30 && p->folds);
    told.room = 1000;
    CHECK(folds_end(f, p) && told.sum == 50 * 51 / 2 && table.count == 0);
    folds_sweep(f, true);
    CHECK(!f->behind && told.sum == 50 * 51 / 2);
    end(f, t);
}

/* A key whose record never came: looked at twice, and only once nothing is under way. */
static void removes_orphans_at_the_second_sight(void) {
    struct processes *t;
    struct folds *f = begin(&t);
    struct process nobody = {.pid = PID, .start = START};
    kernel_key(&nobody, 1, AG_FOLD_SEEN)->count = 6;
    kernel_key(&nobody, 2, AG_FOLD_PENDING);
    folds_sweep(f, false);
    folds_sweep(f, false);
    CHECK(table.count == 2);
    folds_sweep(f, true);
    CHECK(table.count == 0 && told.lost == 6 && told.sum == 0);
    end(f, t);
}

/* The record was under way between two sweeps. */
static void spares_what_arrives_in_between(void) {
    struct processes *t;
    struct folds *f = begin(&t);
    struct process nobody = {.pid = PID, .start = START};
    kernel_key(&nobody, 1, AG_FOLD_SEEN)->count = 6;
    folds_sweep(f, true);
    struct process *p = spawn(t, PID, START);
    keep(f, p, PID, START, 1);
    folds_sweep(f, true);
    CHECK(told.sum == 6 && told.lost == 0 && table.count == 1);
    CHECK(folds_end(f, p));
    end(f, t);
}

/* What is not kept is lost in so many words, not left out. */
static void owns_up_to_a_full_memory(void) {
    struct processes *t;
    struct folds *f = begin(&t);
    struct process *p = spawn(t, PID, START);
    struct ag_fold *kernel = kernel_key(p, 1, AG_FOLD_SEEN);
    f->bytes = FOLD_BYTES_MAX;
    keep(f, p, PID, START, 1);
    kernel->count = 9;
    folds_sweep(f, true);
    CHECK(told.lost == 9 && told.sum == 0);
    kernel->count = 11;
    CHECK(folds_end(f, p) && told.lost == 11);
    CHECK(f->bytes == FOLD_BYTES_MAX);
    end(f, t);
}

int main(void) {
    tells_differences_once();
    takes_a_key_twice();
    ignores_what_is_pending();
    settles_the_dead_at_once();
    tells_reused_pids_apart();
    goes_on_when_there_is_room_again();
    removes_orphans_at_the_second_sight();
    spares_what_arrives_in_between();
    owns_up_to_a_full_memory();
    return summary("fold");
}
