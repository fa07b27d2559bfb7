/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "loader/path.h"

static struct path path;

static struct part part_of(enum ag_part_type type, __u8 flags, const char *data, size_t len) {
    return (struct part){.data = data, .len = len, .type = type, .flags = flags};
}

#define RESOLVED(flags, literal) part_of(AG_PART_PATH, flags, literal, sizeof(literal) - 1)

static void turns_components_round(void) {
    struct part part = RESOLVED(0, "leaf\0dir\0top\0");
    path_from_part(&part, &path);
    CHECK_TEXT(path.bytes, path.len, "/top/dir/leaf");
    CHECK(path.resolved && !path.deleted);
    part = RESOLVED(0, "");
    path_from_part(&part, &path);
    CHECK_TEXT(path.bytes, path.len, "/");
    part = RESOLVED(AG_PART_DELETED, "gone\0tmp\0");
    path_from_part(&part, &path);
    CHECK_TEXT(path.bytes, path.len, "/tmp/gone");
    CHECK(path.resolved && path.deleted);
    part = RESOLVED(AG_PART_OUTSIDE, "memfd:x\0");
    path_from_part(&part, &path);
    CHECK_TEXT(path.bytes, path.len, "(unreachable)/memfd:x");
    CHECK(!path.resolved);
    part = RESOLVED(AG_PART_CUT, "leaf\0dir\0");
    path_from_part(&part, &path);
    CHECK_TEXT(path.bytes, path.len, "dir/leaf");
    CHECK(!path.resolved);
}

static void join(const char *asked, const char *base, size_t base_len, const char *want) {
    struct part a = part_of(AG_PART_ASKED, 0, asked, strlen(asked)), b = part_of(AG_PART_BASE, 0, base, base_len);
    path_join(&a, base ? &b : NULL, &path);
    CHECK_TEXT(path.bytes, path.len, want);
    CHECK(!path.resolved);
}

#define JOIN(asked, base, want) join(asked, base, sizeof(base) - 1, want)

static void joins_names_to_their_base(void) {
    JOIN("x", "b\0a\0", "/a/b/x");
    JOIN("./x//y/.", "b\0a\0", "/a/b/x/y");
    JOIN("x/", "a\0", "/a/x");
    JOIN("", "b\0a\0", "/a/b");
    JOIN(".", "", "/");
    JOIN("x", "", "/x");
    JOIN("/x//y", "", "/x/y");
    JOIN("/", "", "/");
    join("/etc/./passwd", NULL, 0, "/etc/passwd");
    join("x/y", NULL, 0, "x/y");
    join(".", NULL, 0, ".");
    join("", NULL, 0, "");
}

/* The base is resolved, so its parent is known; a name of the caller's own may be a symbolic link. */
static void leaves_dotdot_where_it_may_mean_something(void) {
    JOIN("../x", "b\0a\0", "/a/x");
    JOIN("../../x", "b\0a\0", "/x");
    JOIN("../../../x", "b\0a\0", "/x");
    JOIN("./../x", "b\0a\0", "/a/x");
    JOIN("x/../y", "b\0a\0", "/a/b/x/../y");
    JOIN("../x/../../y", "b\0a\0", "/a/x/../../y");
    JOIN("..", "a\0", "/");
    join("../x", NULL, 0, "../x");
}

/* An absolute name starts at the root that the process has, and ".." does not leave it. */
static void follows_a_chroot(void) {
    JOIN("/etc/passwd", "jail\0srv\0", "/srv/jail/etc/passwd");
    JOIN("/../etc", "jail\0srv\0", "/srv/jail/etc");
}

static void says_nothing_of_what_was_not_read(void) {
    struct part asked = part_of(AG_PART_ASKED, AG_PART_UNREAD, "", 0), base = RESOLVED(0, "a\0");
    path_join(&asked, &base, &path);
    CHECK(path.len == 0);
}

/* Two names of 4 KB, the longest that a record can hold. */
static void stays_within_its_room(void) {
    static char base[AG_PATH_MAX], asked[AG_PATH_MAX];
    memset(base, 'b', sizeof(base));
    memset(asked, 'a', sizeof(asked));
    for (size_t i = 1; i < sizeof(base); i += 2)
        base[i] = '\0';
    struct part a = part_of(AG_PART_ASKED, 0, asked, sizeof(asked)), b = part_of(AG_PART_BASE, 0, base, sizeof(base));
    path_join(&a, &b, &path);
    CHECK(path.len == 2 * AG_PATH_MAX + 1);
}

static void writes_parts_itself(void) {
    char bytes[64];
    size_t n = path_to_part("/a/bc//d", 8, bytes, sizeof(bytes));
    CHECK(n == 7 && memcmp(bytes, "d\0bc\0a", 7) == 0);
    CHECK(path_to_part("/", 1, bytes, sizeof(bytes)) == 0);
}

int main(void) {
    turns_components_round();
    joins_names_to_their_base();
    leaves_dotdot_where_it_may_mean_something();
    follows_a_chroot();
    says_nothing_of_what_was_not_read();
    stays_within_its_room();
    writes_parts_itself();
    return summary("path");
}
