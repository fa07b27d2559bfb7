/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of every kind against what they must be, and lines of thousands of random records against Python: each must be
 * exactly what json.dumps(sort_keys=True) makes of it, and each name must be the text that its bytes have to have.
 */
#include <sys/socket.h>
#include <sys/un.h>
#include <arpa/inet.h>
#include "check.h"
#include "loader/event.h"
#include "loader/layouts.h"

static struct made made;
static struct events events;
static struct buf out;

/* The number of a call in the native table. */
static __u16 nr_of(const char *name) {
    for (int i = 0; i < syscall_layouts_count; i++)
        if (strcmp(syscall_layouts[i].name, name) == 0)
            return syscall_layouts[i].nr;
    return 0xffff;
}

static bool write_made(struct process *p, unsigned flags, __u64 count) {
    struct record r;
    buf_reset(&out);
    if (!record_parse(made.bytes, record_size(made.bytes), &r))
        return false;
    return event_write(&events, &out, &r, p, flags, r.head.ktime, count);
}

static void expect(const char *want) {
    CHECK(write_made(NULL, 0, 0));
    CHECK_TEXT(out.data, out.len, want);
}

#define ACTION "\"action\": \"OBSERVED\", \"agent_id\": \"t\\u00e9st\", "
#define STAMP(us) "\"timestamp\": \"1970-01-01T00:00:05.000Z\", \"ts_us\": 5000000, \"uid\": 1000" us "}\n"
#define PID "\"pid\": 100, "
#define START "\"seq\": 0, \"start_us\": 4000123, "
#define TID "\"tid\": 101, "
#define COMM "\"comm\": \"agent\", "
#define GID "\"gid\": 1001, \"hash_prev\": \"\", "

static void an_open(void) {
    struct ag_record *head = make_record(&made, AG_OPEN);
    head->nr = nr_of("openat");
    head->arg[0] = 02000101; /* O_CLOEXEC | O_CREAT | O_WRONLY */
    head->arg[1] = 2;
    ADD_PART(&made, AG_PART_PATH, 0, "f\0tmp\0");
    expect("{\"access\": \"write\", " ACTION COMM
           "\"event_type\": \"file_open\", \"flags\": [\"O_CREAT\", \"O_CLOEXEC\"], " GID
           "\"path\": \"/tmp/f\", " PID START "\"syscall\": \"openat\", " TID STAMP(""));
    head->flags = AG_F_CREATED;
    expect("{\"access\": \"write\", " ACTION COMM
           "\"event_type\": \"file_create\", \"flags\": [\"O_CREAT\", \"O_CLOEXEC\"], " GID
           "\"path\": \"/tmp/f\", " PID START "\"syscall\": \"openat\", " TID STAMP(""));
}

static void a_failed_open(void) {
    struct ag_record *head = make_record(&made, AG_OPEN);
    head->nr = nr_of("openat");
    head->ret = -2;
    head->arg[0] = 2;
    ADD_PART(&made, AG_PART_ASKED, 0, "../\xff");
    ADD_PART(&made, AG_PART_BASE, 0, "b\0a\0");
    expect("{\"access\": \"read_write\", " ACTION COMM "\"errno\": 2, \"event_type\": \"file_open\", " GID
           "\"path\": \"/a/\\\\xff\", \"path_hex\": \"2f612fff\", \"path_resolved\": false, " PID START
           "\"syscall\": \"openat\", " TID STAMP(""));
}

/* What a policy is against: rule 7, denied with EACCES, and rule 8, told, because nobody can be asked. */
static void a_verdict(void) {
    struct ag_record *head = make_record(&made, AG_OPEN);
    head->nr = 0xffff;
    head->ret = -13;
    head->flags = AG_F_VERDICT;
    head->fold = 1ULL << 63 | 1ULL << 48 | 13ULL << 40 | 7;
    ADD_PART(&made, AG_PART_PATH, 0, "f\0tmp\0");
    expect("{\"access\": \"read\", \"action\": \"BLOCKED\", \"agent_id\": \"t\\u00e9st\", " COMM
           "\"errno\": 13, \"event_type\": \"file_open\", " GID "\"path\": \"/tmp/f\", " PID
           "\"policy_rule\": \"7\", " START TID STAMP(""));
    head->ret = 0;
    head->arg[1] = 1;
    head->fold = 1ULL << 63 | 1ULL << 40 | 1ULL << 32 | 8;
    expect("{\"access\": \"read\", \"action\": \"WOULD_BLOCK\", \"agent_id\": \"t\\u00e9st\", " COMM
           "\"event_type\": \"file_open\", " GID "\"path\": \"/tmp/f\", " PID
           "\"policy_rule\": \"8\", \"reason\": \"approval_unavailable\", " START TID STAMP(""));
}

static void an_open_of_nothing(void) {
    struct ag_record *head = make_record(&made, AG_OPEN);
    head->ret = -2;
    ADD_PART(&made, AG_PART_ASKED, 0, "");
    ADD_PART(&made, AG_PART_BASE, 0, "a\0");
    expect("{\"access\": \"read\", " ACTION COMM
           "\"errno\": 2, \"event_type\": \"file_open\", " GID PID START TID STAMP(""));
}

static void two_names(void) {
    struct ag_record *head = make_record(&made, AG_PATH);
    head->nr = nr_of("renameat2");
    head->arg[0] = 1;
    ADD_PART(&made, AG_PART_ASKED, 0, "old");
    ADD_PART(&made, AG_PART_BASE, 0, "d\0");
    ADD_PART(&made, AG_PART_ASKED, AG_PART_SECOND, "/new");
    ADD_PART(&made, AG_PART_BASE, AG_PART_SECOND, "");
    expect("{\"access\": \"rename\", " ACTION COMM
           "\"event_type\": \"file_rename\", \"flags\": [\"RENAME_NOREPLACE\"], " GID
           "\"path\": \"/d/old\", \"path_resolved\": false, \"path_to\": \"/new\", " PID START
           "\"syscall\": \"renameat2\", " TID STAMP(""));
}

/* The link is what comes to be; the target is text. */
static void a_symlink(void) {
    make_record(&made, AG_PATH)->nr = nr_of("symlinkat");
    ADD_PART(&made, AG_PART_ASKED, 0, "../x");
    ADD_PART(&made, AG_PART_ASKED, AG_PART_SECOND, "l");
    ADD_PART(&made, AG_PART_BASE, AG_PART_SECOND, "a\0");
    expect("{\"access\": \"create\", " ACTION COMM "\"event_type\": \"file_create\", " GID
           "\"path\": \"/a/l\", \"path_resolved\": false, \"path_to\": \"../x\", " PID START
           "\"syscall\": \"symlinkat\", " TID STAMP(""));
}

static void values(void) {
    static const struct {
        const char *call;
        __u64 arg[3];
        const char *value;
    } CASES[] = {
        {"fchmodat", {0755}, "\"value\": \"0755\""},
        {"fchmodat", {0100644 & 07777}, "\"value\": \"0644\""},
        {"fchmodat", {04711}, "\"value\": \"04711\""},
        {"fchmodat", {0}, "\"value\": \"0000\""},
        {"fchownat", {1000, 1000}, "\"value\": \"1000:1000\""},
        {"fchownat", {-1, 0}, "\"value\": \"-1:0\""},
        {"ftruncate", {0}, "\"value\": \"length 0\""},
        {"ftruncate", {1ULL << 40}, "\"value\": \"length 1099511627776\""},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct ag_record *head = make_record(&made, AG_PATH);
        head->nr = nr_of(CASES[i].call);
        memcpy(head->arg, CASES[i].arg, sizeof(CASES[i].arg));
        ADD_PART(&made, AG_PART_PATH, 0, "f\0");
        CHECK(write_made(NULL, 0, 0));
        buf_char(&out, '\0');
        CHECK(strstr(out.data, CASES[i].value));
    }
}

static void a_life(void) {
    struct ag_record *head = make_record(&made, AG_EXEC);
    struct process p = {.pid = 100, .ppid = 1, .inner = 7};
    head->arg[0] = 18446744073709551615ULL;
    head->arg[3] = 70000;
    ADD_PART(&made, AG_PART_PATH, 0, "sh\0bin\0");
    ADD_PART(&made, AG_PART_CWD, 0, "w\0");
    ADD_PART(&made, AG_PART_ARGV, AG_PART_CUT, "sh\0\0-c\xff");
    ADD_PART(&made, AG_PART_SCRIPT_ASKED, 0, "./s");
    ADD_PART(&made, AG_PART_INTERP, 0, "/bin/sh");
    CHECK(write_made(&p, 0, 0));
    CHECK_TEXT(out.data, out.len,
               "{" ACTION "\"argv\": [\"sh\", \"\", \"-c\\\\xff\"], \"argv_bytes\": 70000, \"argv_cut\": true, "
               "\"cgroup\": \"18446744073709551615\", " COMM "\"cwd\": \"/w\", \"event_type\": \"process_exec\", " GID
               "\"interpreter\": \"/bin/sh\", \"path\": \"/bin/sh\", \"path_resolved\": false, " PID
               "\"pid_inner\": 7, \"ppid\": 1, \"script\": \"/w/s\", " START TID STAMP(""));
    make_record(&made, AG_EXEC);
    ADD_PART(&made, AG_PART_CWD, 0, "w\0");
    ADD_PART(&made, AG_PART_SCRIPT_ASKED, 0, "/bin/./s");
    expect("{" ACTION COMM "\"cwd\": \"/w\", \"event_type\": \"process_exec\", " GID "\"path_resolved\": false, " PID
           "\"script\": \"/bin/s\", " START TID STAMP(""));
    ADD_PART(&made, AG_PART_SCRIPT, 0, "real\0w\0");
    expect("{" ACTION COMM "\"cwd\": \"/w\", \"event_type\": \"process_exec\", " GID PID
           "\"script\": \"/w/real\", " START TID STAMP(""));
    ADD_PART(&made, AG_PART_INTERP, 0, "/bin/./s"); /* the same name again: no script, whatever else was found */
    expect("{" ACTION COMM "\"cwd\": \"/w\", \"event_type\": \"process_exec\", " GID PID START TID STAMP(""));
    make_record(&made, AG_EXEC)->flags = AG_F_WRITTEN | AG_F_SCRIPT_WRITTEN;
    ADD_PART(&made, AG_PART_PATH, 0, "sh\0bin\0");
    ADD_PART(&made, AG_PART_SCRIPT_ASKED, 0, "/w/s");
    ADD_PART(&made, AG_PART_INTERP, 0, "/bin/sh");
    CHECK(write_made(NULL, 0, 0));
    buf_char(&out, '\0');
    CHECK(strstr(out.data, "\"script\": \"/w/s\", \"script_written\": true, ") &&
          strstr(out.data, "\"written\": true}"));
    head = make_record(&made, AG_EXIT);
    head->arg[0] = 3 << 8;
    expect("{" ACTION COMM "\"event_type\": \"process_exit\", \"exit_code\": 3, " GID PID START TID STAMP(""));
    head->arg[0] = 9 | 0x80;
    expect("{" ACTION COMM "\"event_type\": \"process_exit\", " GID PID "\"seq\": 0, \"signal\": \"SIGKILL\", "
           "\"start_us\": 4000123, " TID STAMP(""));
}

static void a_connect(const void *address, size_t len, int family, const char *want) {
    struct ag_record *head = make_record(&made, AG_CONNECT);
    head->arg[0] = SOCK_STREAM;
    head->arg[1] = family == AF_UNIX ? 0 : 6;
    head->arg[2] = family;
    add_part(&made, AG_PART_SOCKADDR, 0, address, len);
    CHECK(write_made(NULL, 0, 0));
    buf_char(&out, '\0');
    CHECK(strstr(out.data, want));
    if (!strstr(out.data, want))
        printf("%s", out.data);
}

static void connects(void) {
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(443)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/run/x"};
    inet_pton(AF_INET, "192.0.2.1", &in.sin_addr);
    a_connect(&in, sizeof(in), AF_INET,
              "\"dest_ip\": \"192.0.2.1\", \"dest_port\": 443, \"event_type\": \"network_connect\"");
    a_connect(&in, sizeof(in), AF_INET, "\"protocol\": \"tcp\"");
    inet_pton(AF_INET6, "2001:db8::1", &in6.sin6_addr);
    a_connect(&in6, sizeof(in6), AF_INET6, "\"dest_ip\": \"2001:db8::1\", \"dest_port\": 53");
    inet_pton(AF_INET6, "::ffff:192.0.2.9", &in6.sin6_addr);
    a_connect(&in6, sizeof(in6), AF_INET6, "\"dest_ip\": \"192.0.2.9\"");
    a_connect(&un, sizeof(un), AF_UNIX, "\"event_type\": \"unix_connect\"");
    a_connect(&un, sizeof(un), AF_UNIX, "\"path\": \"/run/x\", \"path_resolved\": false");
    a_connect("\x01\0\0name", 7, AF_UNIX, "\"path\": \"@name\", \"pid\"");
    a_connect("\x01\0@name", 7, AF_UNIX, "\"path\": \"./@name\", \"path_resolved\": false");
    for (size_t len = 0; len < sizeof(in6); len++) { /* cut anywhere: no address, but no lie */
        struct ag_record *head = make_record(&made, AG_CONNECT);
        head->arg[2] = AF_INET6;
        add_part(&made, AG_PART_SOCKADDR, 0, &in6, len);
        CHECK(write_made(NULL, 0, 0));
        buf_char(&out, '\0');
        CHECK(len >= 24 || !strstr(out.data, "dest_ip"));
    }
}

static void the_rest(void) {
    struct ag_record *head = make_record(&made, AG_CLOSE);
    head->arg[0] = 10;
    head->arg[1] = 20;
    head->tid = 0;
    expect("{" ACTION "\"bytes_in\": 10, \"bytes_out\": 20, " COMM "\"event_type\": \"network_close\", " GID PID
           "\"protocol\": \"tcp\", " START STAMP(""));
    head = make_record(&made, AG_PTRACE);
    head->nr = nr_of("ptrace");
    head->arg[0] = 16;
    head->arg[1] = 55;
    expect("{" ACTION COMM "\"event_type\": \"ptrace\", " GID PID "\"request\": \"PTRACE_ATTACH\", " START
           "\"syscall\": \"ptrace\", \"target_pid\": 55, " TID STAMP(""));
    head = make_record(&made, AG_PRIV);
    head->nr = nr_of("setresuid");
    head->arg[0] = 0xffffffff;
    head->ret = -1;
    expect("{" ACTION COMM "\"errno\": 1, \"event_type\": \"privilege_change\", " GID PID START
           "\"syscall\": \"setresuid\", " TID STAMP(", \"value\": \"-1:0:0\""));
    head = make_record(&made, AG_SIGNAL);
    head->arg[0] = 34;
    head->arg[1] = 9;
    expect("{" ACTION COMM "\"event_type\": \"signal\", " GID PID "\"seq\": 0, \"signal\": \"SIGRTMIN+2\", "
           "\"start_us\": 4000123, \"target_pid\": 9, " TID STAMP(""));
}

static void marks(void) {
    make_record(&made, AG_OPEN)->arg[1] = 1;
    ADD_PART(&made, AG_PART_PATH, AG_PART_DELETED, "f\0");
    CHECK(write_made(NULL, EVENT_LATE | EVENT_PREEXISTING, 12));
    CHECK_TEXT(out.data, out.len,
               "{\"access\": \"read\", " ACTION COMM "\"count\": 12, \"event_type\": \"file_open\", " GID
               "\"late\": true, \"path\": \"/f\", \"path_deleted\": true, " PID
               "\"preexisting\": true, " START TID STAMP(""));
}

static void fields_are_sorted(void) {
    for (enum field f = 1; f < FIELD_MAX; f++)
        CHECK(strcmp(line_field_name(f - 1), line_field_name(f)) < 0);
}

/* Bytes that are likely to be special somewhere. */
static size_t noise(__u64 *seed, char *bytes, size_t max) {
    static const char LIKELY[] = "/.\\x4fabc\"\n\t\0\x1b\xff\x80\xc3\xa9\xe2\x80\xae\xf0\x9f\x98\x80 ";
    size_t n = next_random(seed) % max;
    for (size_t i = 0; i < n; i++)
        bytes[i] = next_random(seed) % 4 ? LIKELY[next_random(seed) % (sizeof(LIKELY) - 1)] : (char)next_random(seed);
    return n;
}

static const char CHECKER[] =
    "import json, sys\n"
    "def text(b):\n"
    "    out, i = '', 0\n"
    "    while i < len(b):\n"
    "        for n in (1, 2, 3, 4):\n"
    "            try: c = b[i:i+n].decode('utf-8')\n"
    "            except UnicodeDecodeError: continue\n"
    "            if len(c) == 1: break\n"
    "        else:\n"
    "            out += '\\\\x%02x' % b[i]; i += 1; continue\n"
    "        t = b[i+1:i+4]\n"
    "        raw = c == '\\\\' and len(t) == 3 and t[:1] == b'x' and all(x in b'0123456789abcdefABCDEF' for x in "
    "t[1:])\n"
    "        out += '\\\\x5c' if raw else c; i += n\n"
    "    return out\n"
    "bad = lines = 0\n"
    "for line in sys.stdin.buffer:\n"
    "    e = json.loads(line); lines += 1\n"
    "    if json.dumps(e, sort_keys=True).encode() + b'\\n' != line: bad += 1; print('not canonical:', line)\n"
    "    for key in ('path', 'path_to'):\n"
    "        twin = e.get(key + '_hex')\n"
    "        want = text(bytes.fromhex(twin)) if twin else text(e[key].encode()) if key in e else None\n"
    "        if want is not None and want != e[key]: bad += 1; print(key, repr(e[key]), repr(want))\n"
    "    if not all(isinstance(v, (str, int)) or all(isinstance(x, str) for x in v) for v in e.values()): bad += 1; "
    "print(line)\n"
    "print('python: %d lines, %d bad' % (lines, bad))\n"
    "sys.exit(bad != 0)\n";

static void agrees_with_python(void) {
    char bytes[600];
    if (system("command -v python3 >/dev/null") != 0) {
        printf("python3 is not here: the comparison with it is left out\n");
        return;
    }
    setenv("CHECKER", CHECKER, 1);
    FILE *python = popen("exec python3 -c \"$CHECKER\"", "w");
    CHECK(python != NULL);
    __u64 seed = 42;
    for (int i = 0; python && i < 20000; i++) {
        struct ag_record *head = make_record(&made, 1 + next_random(&seed) % (AG_KIND_MAX - 1));
        head->nr = next_random(&seed) % 470;
        head->flags = next_random(&seed) & (AG_F_IA32 | AG_F_CREATED);
        head->ret = next_random(&seed) % 3 ? 0 : -(int)(next_random(&seed) % 140);
        for (int arg = 0; arg < 4; arg++)
            head->arg[arg] = next_random(&seed) % 2 ? next_random(&seed) % 64 : (__u64)next_random(&seed) << 31;
        for (size_t at = 0; at < sizeof(head->comm); at++)
            head->comm[at] = next_random(&seed);
        for (unsigned parts = next_random(&seed) % 5; parts > 0; parts--)
            add_part(&made, 1 + next_random(&seed) % AG_PART_INTERP, next_random(&seed) & 31, bytes,
                     noise(&seed, bytes, sizeof(bytes)));
        struct process p = {.pid = head->pid, .ppid = next_random(&seed) % 2};
        if (write_made(next_random(&seed) % 2 ? &p : NULL, next_random(&seed) & 3, next_random(&seed) % 2))
            fwrite(out.data, 1, out.len, python);
    }
    CHECK(python && pclose(python) == 0);
}

int main(void) {
    if (!events_init(&events, "t\xc3\xa9st") || !buf_alloc(&out, LINE_BYTES))
        return 1;
    events.clock.offset = 0; /* the wall clock of these tests starts with the machine */
    fields_are_sorted();
    an_open();
    a_failed_open();
    a_verdict();
    an_open_of_nothing();
    two_names();
    a_symlink();
    values();
    a_life();
    connects();
    the_rest();
    marks();
    agrees_with_python();
    events_free(&events);
    buf_free(&out);
    return summary("event");
}
