/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

static struct made made;

static void takes_a_record_apart(void) {
    struct record r;
    make_record(&made, AG_PATH);
    ADD_PART(&made, AG_PART_ASKED, 0, "a");
    ADD_PART(&made, AG_PART_BASE, 0, "b\0");
    ADD_PART(&made, AG_PART_ASKED, AG_PART_SECOND, "");
    CHECK(record_parse(made.bytes, record_size(made.bytes), &r));
    CHECK(r.count == 3);
    const struct part *part = record_part(&r, AG_PART_ASKED, false);
    CHECK(part && part->len == 1 && part->data[0] == 'a');
    part = record_part(&r, AG_PART_ASKED, true);
    CHECK(part && part->len == 0);
    CHECK(!record_part(&r, AG_PART_BASE, true));
    CHECK(!record_part(&r, AG_PART_PATH, false));
}

static void packs_it_again(void) {
    struct record r;
    char again[4096];
    make_record(&made, AG_PATH);
    ADD_PART(&made, AG_PART_ASKED, 0, "name");
    ADD_PART(&made, AG_PART_ASKED, AG_PART_SECOND, "other");
    size_t size = record_size(made.bytes);
    CHECK(record_parse(made.bytes, size, &r));
    CHECK(record_pack(&r, again, sizeof(again)) == size);
    CHECK(memcmp(again, made.bytes, size) == 0);
    CHECK(record_pack(&r, again, size - 1) == 0);
}

/* Every length that lies is found, whichever it is. */
static void refuses_what_is_not_whole(void) {
    struct record r;
    struct ag_record *head = make_record(&made, AG_OPEN);
    ADD_PART(&made, AG_PART_PATH, 0, "leaf\0dir\0");
    size_t size = record_size(made.bytes);
    for (size_t cut = 0; cut < size; cut++)
        CHECK(!record_parse(made.bytes, cut, &r));
    CHECK(!record_parse(made.bytes, size + 1, &r));
    CHECK(record_parse(made.bytes, size, &r));
    head->parts = 2;
    CHECK(!record_parse(made.bytes, size, &r));
    head->parts = 0;
    CHECK(!record_parse(made.bytes, size, &r));
    head->parts = 1;
    head->kind = AG_KIND_MAX;
    CHECK(!record_parse(made.bytes, size, &r));
    head->kind = 0;
    CHECK(!record_parse(made.bytes, size, &r));
    head->kind = AG_OPEN;
    head->cls = AG_CLASS_MAX;
    CHECK(!record_parse(made.bytes, size, &r));
    head->cls = 0;
    struct ag_part part;
    memcpy(&part, made.bytes + sizeof(*head), sizeof(part));
    part.len++;
    memcpy(made.bytes + sizeof(*head), &part, sizeof(part));
    CHECK(!record_parse(made.bytes, size, &r));
}

static void never_reads_outside(void) {
    __u64 seed = 1;
    for (int i = 0; i < 20000; i++) {
        size_t size = next_random(&seed) % 300;
        char *bytes = malloc(size ? size : 1); /* exactly so large: the sanitizer watches its end */
        for (size_t at = 0; at < size; at++)
            bytes[at] = next_random(&seed);
        if (size >= sizeof(struct ag_record)) { /* half right, so that the parts are reached */
            struct ag_record head;
            memcpy(&head, bytes, sizeof(head));
            head.kind = 1 + head.kind % (AG_KIND_MAX - 1);
            head.cls %= AG_CLASS_MAX;
            head.parts %= RECORD_PARTS_MAX + 2;
            head.size = size - sizeof(head);
            memcpy(bytes, &head, sizeof(head));
        }
        struct record r;
        if (record_parse(bytes, size, &r))
            for (unsigned part = 0; part < r.count; part++)
                CHECK(r.parts[part].data >= bytes && r.parts[part].data + r.parts[part].len <= bytes + size);
        free(bytes);
    }
}

int main(void) {
    takes_a_record_apart();
    packs_it_again();
    refuses_what_is_not_whole();
    never_reads_outside();
    return summary("record");
}
