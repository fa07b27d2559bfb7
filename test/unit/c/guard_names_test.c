/* SPDX-License-Identifier: Apache-2.0 */
/* Files as names in folders. The folders are real ones of this machine: below a temporary one, by their inode numbers.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "check.h"
#include "include/policy.h"
#include "loader/guard_names.h"

static char top[] = "/tmp/guard_names_XXXXXX";
static struct guard_names names;

static const char *at(const char *path) {
    static char buffers[4][512];
    static int next;
    char *out = buffers[next++ % 4];
    snprintf(out, sizeof(buffers[0]), "%s/%s", top, path);
    return out;
}

static int of(char what, const char *path) {
    char list[1024];
    memset(&names, 0, sizeof(names));
    return guard_names_of(&names, list, 1 + snprintf(list, sizeof(list), "%c%s", what, path));
}

/* The entry of a name in a folder, which must be there once. */
static const struct ag_guard_name *named(const char *folder, const char *name) {
    const struct ag_guard_name *found = NULL;
    struct stat st;
    CHECK(stat(folder, &st) == 0);
    for (size_t i = 0; i < names.count; i++) {
        const struct ag_guard_name *n = &names.all[i];
        if (n->folder != st.st_ino || n->len != strlen(name) || memcmp(n->name, name, n->len) != 0)
            continue;
        CHECK(found == NULL || found->ends != n->ends);
        found = n;
    }
    return found;
}

static void finds_a_file_and_what_leads_there(void) {
    CHECK(of('f', at("a/b/policy.yaml")) == 0);
    const struct ag_guard_name *file = named(at("a/b"), "policy.yaml");
    CHECK(file && file->ends == AG_ENDS_HERE && file->ops & AG_WRITE && file->ops & AG_DO_MOUNT);
    CHECK(file && !(file->ops & AG_READ));
    const struct ag_guard_name *folder = named(at("a"), "b");
    CHECK(folder && folder->ops == (AG_DELETE | AG_RENAME | AG_DO_MOUNT));
    CHECK(named(top, "a") && named("/tmp", top + strlen("/tmp/")) && named("/", "tmp"));
    CHECK(of('s', at("a/b/policy.yaml")) == 0);
    file = named(at("a/b"), "policy.yaml");
    CHECK(file && file->ops & AG_READ);
}

static void knows_what_a_log_becomes(void) {
    CHECK(of('l', at("a/b/my.audit.jsonl")) == 0);
    const struct ag_guard_name *log = named(at("a/b"), "my.audit.jsonl");
    CHECK(log && log->ends == (AG_ENDS_HERE | AG_ENDS_WITH_DOT));
    const struct ag_guard_name *finished = named(at("a/b"), "my.audit");
    CHECK(finished && finished->ends == AG_ENDS_WITH_NUMBER);
}

static void follows_links(void) {
    CHECK(of('f', at("link.yaml")) == 0);
    CHECK(named(top, "link.yaml") && named(at("a/b"), "policy.yaml"));
    CHECK(of('f', at("to-b/policy.yaml")) == 0);
    CHECK(named(at("a/b"), "policy.yaml") && named(at("a"), "b"));
}

static void cuts_long_names(void) {
    char name[200], path[300];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    snprintf(path, sizeof(path), "a/b/%s", name);
    CHECK(of('f', at(path)) == 0 && names.all[0].len == AG_GUARD_NAME);
}

static void refuses_what_it_cannot_find(void) {
    CHECK(of('f', at("nowhere/policy.yaml")) == -ENOENT);
    CHECK(of('f', "policy.yaml") == -EINVAL);
    CHECK(of('f', "/") == -EINVAL);
    CHECK(of('x', at("a/b/policy.yaml")) == -EINVAL);
    CHECK(guard_names_of(&names, "f/a", 3) == -EINVAL); /* no NUL at the end */
    CHECK(guard_names_of(&names, "", 0) == -EINVAL);
    CHECK(guard_names_of(&names, "", 1) == -EINVAL);
    char deep[AG_GUARD_NAMES_MAX * 2 + 64] = "";
    for (int i = 0; i < AG_GUARD_NAMES_MAX; i++) {
        strcat(deep, i ? "/d" : "d");
        mkdir(at(deep), 0700);
    }
    strcat(deep, "/f");
    CHECK(of('f', at(deep)) == -E2BIG);
}

int main(void) {
    if (!mkdtemp(top) || mkdir(at("a"), 0700) || mkdir(at("a/b"), 0700) ||
        close(open(at("a/b/policy.yaml"), O_CREAT, 0600)) || symlink(at("a/b/policy.yaml"), at("link.yaml")) ||
        symlink(at("a/b"), at("to-b")))
        return 1;
    finds_a_file_and_what_leads_there();
    knows_what_a_log_becomes();
    follows_links();
    cuts_long_names();
    refuses_what_it_cannot_find();
    char remove[64];
    snprintf(remove, sizeof(remove), "rm -rf %s", top);
    return system(remove) ? 1 : summary("guard_names");
}
