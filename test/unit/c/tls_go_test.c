/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "check.h"
#include "loader/go_table.h"
#include "loader/tls_go.h"

#define ROUNDS 600

/* A Go program that is there wherever this repository is built, from this one's place (bpf/build). */
#ifdef __x86_64__
#define PROGRAM "../../node_modules/@esbuild/linux-x64/bin/esbuild"
#else
#define PROGRAM "../../node_modules/@esbuild/linux-arm64/bin/esbuild"
#endif

struct copy {
    int fd;
    size_t size;
    uint8_t *whole;
};

static struct copy copy_program(void) {
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof(PROGRAM));
    path[n > 0 ? n : 0] = '\0';
    char *end = strrchr(path, '/');
    CHECK(end != NULL);
    strcpy(end ? end + 1 : path, PROGRAM);
    struct stat st = {0};
    int from = open(path, O_RDONLY);
    CHECK(from >= 0 && fstat(from, &st) == 0);
    struct copy c = {.fd = memfd_create("go", 0), .size = st.st_size};
    c.whole = mmap(NULL, c.size, PROT_READ, MAP_PRIVATE, from, 0);
    CHECK(c.whole != MAP_FAILED && pwrite(c.fd, c.whole, c.size, 0) == (ssize_t)c.size);
    close(from);
    return c;
}

static void restore(const struct copy *c, size_t at, size_t size) {
    CHECK(pwrite(c->fd, c->whole + at, size, at) == (ssize_t)size);
}

static size_t offset_of(const struct elf *e, uint64_t address) {
    for (unsigned i = 0; i < e->count; i++)
        if (e->segments[i].p_type == PT_LOAD && address - e->segments[i].p_vaddr < e->segments[i].p_filesz)
            return e->segments[i].p_offset + (address - e->segments[i].p_vaddr);
    return 0;
}

static void returns_are_returns(const struct copy *c, const struct tls_go_function *f) {
    CHECK(f->entry && f->count > 0);
#ifdef __x86_64__
    const uint8_t *jump = &c->whole[f->entry];
    CHECK(jump[0] == 0x76 || (jump[0] == 0x0f && jump[1] == 0x86));
#endif
    for (size_t i = 0; i < f->count; i++) {
        CHECK(f->returns[i] > f->entry && f->returns[i] < f->entry + 4096);
#ifdef __x86_64__
        /* What gives the frame back stands in front: add rsp, n; pop rbp; ret. */
        CHECK(c->whole[f->returns[i]] == 0xc3 && c->whole[f->returns[i] - 1] == 0x5d);
#endif
    }
}

static void finds_a_real_program(const struct copy *c) {
    struct tls_go got;
    CHECK(tls_go_functions(c->fd, &got) && !got.why);
    returns_are_returns(c, &got.read);
    returns_are_returns(c, &got.write);
    returns_are_returns(c, &got.name);
    CHECK(got.close.entry && got.client.entry && got.server.entry);
}

static void finds_nothing_elsewhere(void) {
    struct tls_go got;
    int fd = open("/proc/self/exe", O_RDONLY);
    CHECK(!tls_go_functions(fd, &got));
    close(fd);
    CHECK(!tls_go_functions(-1, &got));
}

/* What the program has of this must be believed nowhere else than where it is whole. */
static void says_what_is_missing(const struct copy *c) {
    static const char NAME[] = "crypto/tls.(*Conn).Close";
    struct tls_go got;
    struct elf e;
    struct go_table t;
    CHECK(elf_open(&e, c->fd) && go_table_find(&e, &t) == GO_FOUND);
    uint8_t *name = memmem(c->whole + offset_of(&e, t.names), t.names_end - t.names, NAME, sizeof(NAME));
    CHECK(name != NULL);
    if (!name)
        return;
    CHECK(pwrite(c->fd, "k", 1, name - c->whole) == 1);
    CHECK(tls_go_functions(c->fd, &got) && got.why);
    restore(c, name - c->whole, 1);

    /* Code that begins otherwise takes its arguments elsewhere. */
    CHECK(tls_go_functions(c->fd, &got) && !got.why);
    size_t entry = got.read.entry;
    CHECK(pwrite(c->fd, "\x90", 1, entry) == 1);
    CHECK(tls_go_functions(c->fd, &got) && got.why);
    restore(c, entry, 1);

    /* An older table is not read, and said; of two that are whole none is believed. */
    size_t header = offset_of(&e, t.header);
    CHECK(pwrite(c->fd, "\xfa", 1, header) == 1);
    CHECK(tls_go_functions(c->fd, &got) && got.why && strstr(got.why, "before 1.18"));
    restore(c, header, 1);
    size_t other = (offset_of(&e, t.depths) + 4096) & ~7UL;
    CHECK(pwrite(c->fd, c->whole + header, 72, other) == 72);
    CHECK(tls_go_functions(c->fd, &got) && got.why);
    restore(c, other, 72);
}

/* Numbers of the headers, of the table, of the list of functions and of the depths, and the end of the file. */
static void is_not_led_astray(const struct copy *c) {
    static const uint64_t VALUES[] = {0, 1, 0x7f, 0xffffffff, INT64_MAX, UINT64_MAX, 1ULL << 40};
    struct tls_go got;
    struct elf e;
    struct go_table t;
    __u64 state = 1;
    int found = 0;
    CHECK(elf_open(&e, c->fd) && go_table_find(&e, &t) == GO_FOUND);
    size_t names = offset_of(&e, t.names), list = offset_of(&e, t.functions), depths = offset_of(&e, t.depths);
    CHECK(names && list && depths);
    const struct {
        size_t at, size;
    } PLACES[] = {{0, 512}, {names - 128, 256}, {list, 8 * t.count}, {list, 1 << 20}, {depths, 1 << 20}, {0, c->size}};
    for (int round = 0; round < ROUNDS; round++) {
        size_t place = round % 6, at[64];
        for (int i = 0; i < 64; i++) {
            uint64_t value = round & 8 ? VALUES[next_random(&state) % 7] : next_random(&state);
            at[i] = PLACES[place].at + next_random(&state) % (PLACES[place].size - 8);
            if (i < (place < 2 ? 1 : 64))
                CHECK(pwrite(c->fd, &value, round & 16 ? 8 : 1, at[i]) > 0);
        }
        bool cut = round % 31 == 0;
        if (cut)
            CHECK(ftruncate(c->fd, next_random(&state) % c->size) == 0);
        if (tls_go_functions(c->fd, &got) && !got.why) {
            CHECK(got.read.entry && got.read.count && got.write.entry && got.write.count && got.close.entry);
            found++;
        }
        for (int i = 0; i < 64 && !cut; i++)
            restore(c, at[i], 8);
        if (cut)
            restore(c, 0, c->size);
    }
    CHECK(found > 0 && found < ROUNDS);
    CHECK(tls_go_functions(c->fd, &got) && !got.why);
}

int main(void) {
    struct copy c = copy_program();
    finds_nothing_elsewhere();
    finds_a_real_program(&c);
    says_what_is_missing(&c);
    is_not_led_astray(&c);
    munmap(c.whole, c.size);
    close(c.fd);
    return summary("tls_go");
}
