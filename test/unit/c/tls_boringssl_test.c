/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "check.h"
#include "loader/tls_boringssl.h"
#include "loader/tls_elf.h"

#define ROUNDS 4000

#ifdef __x86_64__
#define IS_SEARCHED true
#else
#define IS_SEARCHED false
#endif

/* Beside this program (bpf/Makefile). */
static const char *const PROGRAMS[] = {"boringssl-fixed", "boringssl-movable", "boringssl-framed"};

static const char *const NAMES[] = {"SSL_read", "SSL_write", "SSL_do_handshake", "SSL_set_tlsext_host_name",
                                    "tls_new",  "tls_free"};
#define COUNT (sizeof(NAMES) / sizeof(NAMES[0]))

static int open_program(const char *name) {
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);
    path[n > 0 ? n : 0] = '\0';
    char *end = strrchr(path, '/');
    CHECK(end != NULL);
    strcpy(end ? end + 1 : path, name);
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    return fd;
}

/* Their symbol tables say where the functions are. What is tested does not look at them. */
static void finds_what_the_symbols_say(void) {
    for (size_t i = 0; i < sizeof(PROGRAMS) / sizeof(PROGRAMS[0]); i++) {
        uint64_t want[COUNT];
        struct boringssl got;
        int fd = open_program(PROGRAMS[i]);
        CHECK(elf_functions(fd, NAMES, COUNT, want));
        CHECK(boringssl_functions(fd, &got));
        CHECK(want[0] && got.read == want[0]);
        CHECK(want[1] && got.write == want[1]);
        CHECK(want[2] && got.handshake == want[2]);
        CHECK(want[3] && got.set_host_name == want[3]);
        CHECK(want[4] && got.begin == want[4]);
        CHECK(want[5] && got.end == want[5]);
        close(fd);
    }
}

static void finds_nothing_elsewhere(void) {
    struct boringssl got;
    int fd = open("/proc/self/exe", O_RDONLY); /* has the names of the files, and none of what they are for */
    CHECK(!boringssl_functions(fd, &got));
    close(fd);
    fd = open("/proc/self/cmdline", O_RDONLY);
    CHECK(!boringssl_functions(fd, &got));
    close(fd);
    CHECK(!boringssl_functions(-1, &got));
}

struct copy {
    int fd;
    size_t size;
    uint8_t *whole;
};

static struct copy copy_of(const char *name) {
    struct stat st;
    int from = open_program(name);
    CHECK(fstat(from, &st) == 0);
    struct copy c = {.fd = memfd_create("elf", 0), .size = st.st_size};
    c.whole = mmap(NULL, c.size, PROT_READ, MAP_PRIVATE, from, 0);
    CHECK(c.whole != MAP_FAILED && pwrite(c.fd, c.whole, c.size, 0) == (ssize_t)c.size);
    close(from);
    return c;
}

static void drop_copy(struct copy *c) {
    munmap(c->whole, c->size);
    close(c->fd);
}

/* One number less, or one twice, and there is no telling. */
static void finds_nothing_that_is_not_whole(void) {
    struct copy c = copy_of("boringssl-fixed");
    struct boringssl got;
    static const struct {
        uint8_t was[5], is[5];
    } changes[] = {
        {{0xba, 111, 0, 0, 0}, {0xba, 112, 0, 0, 0}}, /* SSL_write and write_app_data say another error */
        {{0xba, 134, 0, 0, 0}, {0xba, 135, 0, 0, 0}}, /* nobody says that the kind of a connection is not set */
        {{0xba, 35, 1, 0, 0}, {0xba, 134, 0, 0, 0}},  /* two do */
        {{0xba, 213, 0, 0, 0}, {0xba, 214, 0, 0, 0}}, /* no name is refused */
        {{0xbf, 16, 0, 0, 0}, {0xbf, 17, 0, 0, 0}},   /* the errors are another library's */
    };
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        int changed = 0;
        for (size_t at = 0; at + 5 <= c.size; at++)
            if (memcmp(c.whole + at, changes[i].was, 5) == 0 && pwrite(c.fd, changes[i].is, 5, at) == 5)
                changed++;
        CHECK(changed > 0);
        CHECK(!boringssl_functions(c.fd, &got));
        CHECK(pwrite(c.fd, c.whole, c.size, 0) == (ssize_t)c.size);
    }
    CHECK(boringssl_functions(c.fd, &got));
    drop_copy(&c);
}

static void is_not_led_astray(void) {
    struct copy copies[] = {copy_of(PROGRAMS[0]), copy_of(PROGRAMS[1])};
    __u64 state = 1;
    int found = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct copy *c = &copies[round & 1];
        struct boringssl got = {0};
        size_t at[4];
        for (int i = 0; i < 4; i++) {
            static const uint64_t values[] = {0, 1, 0x7f, 0xffffffff, INT64_MAX, UINT64_MAX, 1ULL << 40};
            uint64_t value =
                round & 2 ? values[next_random(&state) % 7] : (uint64_t)next_random(&state) << 33 | next_random(&state);
            at[i] = next_random(&state) % (round & 4 ? 1024 : c->size - 8);
            CHECK(pwrite(c->fd, &value, round & 8 ? 8 : 1, at[i]) > 0);
        }
        if (round % 7 == 0)
            CHECK(ftruncate(c->fd, next_random(&state) % c->size) == 0);
        if (boringssl_functions(c->fd, &got)) {
            CHECK(got.read && got.write && got.handshake && got.set_host_name && got.begin && got.end);
            CHECK((got.read | got.write | got.handshake | got.set_host_name | got.begin | got.end) < 1u << 20);
            found++;
        }
        if (round % 7 == 0)
            CHECK(pwrite(c->fd, c->whole, c->size, 0) == (ssize_t)c->size);
        for (int i = 0; i < 4; i++)
            CHECK(pwrite(c->fd, c->whole + at[i], 8, at[i]) == 8);
    }
    CHECK(found > 0 && found < ROUNDS);
    drop_copy(&copies[0]);
    drop_copy(&copies[1]);
}

int main(void) {
    finds_nothing_elsewhere();
    if (IS_SEARCHED) {
        finds_what_the_symbols_say();
        finds_nothing_that_is_not_whole();
        is_not_led_astray();
    }
    return summary("tls_boringssl");
}
