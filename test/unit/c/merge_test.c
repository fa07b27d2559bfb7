/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "loader/event.h"
#include "loader/merge.h"

#define MS 1000000ULL

static struct made made;

static void push(struct merge *m, __u64 ktime, __u32 mark) {
    struct ag_record *head = make_record(&made, AG_OPEN);
    head->ktime = ktime;
    head->pid = mark;
    CHECK(merge_push(m, made.bytes, record_size(made.bytes), 0));
}

/* The pid of the next one, 0 when none is due. */
static __u32 take(struct merge *m, __u64 now, bool *late) {
    __u64 ktime;
    struct held *held = merge_take(m, now, (uint64_t *)&ktime);
    if (!held)
        return 0;
    struct ag_record head;
    memcpy(&head, held->bytes, sizeof(head));
    CHECK(head.ktime == ktime);
    *late = held->flags & EVENT_LATE;
    merge_done(held);
    return head.pid;
}

static void waits_and_sorts(void) {
    struct merge m;
    bool late;
    merge_init(&m, 1 << 20);
    push(&m, 30 * MS, 3);
    push(&m, 10 * MS, 1);
    push(&m, 20 * MS, 2);
    CHECK(merge_due(&m) == 60 * MS);
    CHECK(take(&m, 59 * MS, &late) == 0);
    CHECK(take(&m, 60 * MS, &late) == 1 && !late);
    CHECK(take(&m, 60 * MS, &late) == 0);
    CHECK(take(&m, 80 * MS, &late) == 2 && !late);
    CHECK(take(&m, 80 * MS, &late) == 3 && !late);
    CHECK(take(&m, UINT64_MAX, &late) == 0);
    CHECK(merge_due(&m) == UINT64_MAX && m.bytes == 0);
    merge_free(&m);
}

static void keeps_the_order_of_equals(void) {
    struct merge m;
    bool late;
    merge_init(&m, 1 << 20);
    for (__u32 i = 1; i <= 100; i++)
        push(&m, 7 * MS, i);
    for (__u32 i = 1; i <= 100; i++)
        CHECK(take(&m, UINT64_MAX, &late) == i);
    merge_free(&m);
}

static void marks_what_comes_too_late(void) {
    struct merge m;
    bool late;
    merge_init(&m, 1 << 20);
    push(&m, 50 * MS, 2);
    CHECK(take(&m, 100 * MS, &late) == 2);
    push(&m, 49 * MS, 1);
    push(&m, 50 * MS, 3);
    CHECK(take(&m, 100 * MS, &late) == 1 && late);
    CHECK(take(&m, 100 * MS, &late) == 3 && !late);
    merge_free(&m);
}

/* Rather out of its turn than not at all. */
static void gives_early_when_it_holds_too_much(void) {
    struct merge m;
    bool late;
    merge_init(&m, 2 * sizeof(struct ag_record));
    push(&m, 20 * MS, 2);
    CHECK(!merge_full(&m) && take(&m, 0, &late) == 0);
    push(&m, 30 * MS, 3);
    CHECK(merge_full(&m) && take(&m, 0, &late) == 2 && !late);
    push(&m, 10 * MS, 1);
    CHECK(take(&m, 0, &late) == 1 && late);
    merge_free(&m);
}

static void sorts_many(void) {
    struct merge m;
    __u64 seed = 7, last = 0, ktime;
    merge_init(&m, 64 << 20);
    for (int i = 0; i < 20000; i++)
        push(&m, next_random(&seed) % 100000, 1);
    for (int i = 0; i < 20000; i++) {
        struct held *held = merge_take(&m, UINT64_MAX, (uint64_t *)&ktime);
        CHECK(held && ktime >= last);
        last = ktime;
        merge_done(held);
    }
    merge_free(&m);
}

int main(void) {
    waits_and_sorts();
    keeps_the_order_of_equals();
    marks_what_comes_too_late();
    gives_early_when_it_holds_too_much();
    sorts_many();
    return summary("merge");
}
