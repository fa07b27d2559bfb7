/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "check.h"
#include "loader/tls_elf.h"

#define ROUNDS 4000

static const char *const NAMES[] = {"qsort", "getenv", "no_such_function", "strtol"};
#define COUNT (sizeof(NAMES) / sizeof(NAMES[0]))

/* Where the code at `address` stands in its file, and which file that is, as the kernel says. */
static uint64_t file_offset(uint64_t address, char path[4096]) {
    char *line = NULL;
    size_t cap = 0;
    uint64_t found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && getline(&line, &cap, maps) > 0) {
        unsigned long long from, to, offset;
        if (sscanf(line, "%llx-%llx %*s %llx %*s %*s %4095s", &from, &to, &offset, path) == 4 && address >= from &&
            address < to) {
            found = address - from + offset;
            break;
        }
    }
    free(line);
    if (maps)
        fclose(maps);
    return found;
}

static int open_libc(uint64_t want[COUNT]) {
    char path[4096] = "";
    for (size_t i = 0; i < COUNT; i++) {
        void *at = dlsym(RTLD_DEFAULT, NAMES[i]);
        want[i] = at ? file_offset((uintptr_t)at, path) : 0;
    }
    return open(path, O_RDONLY);
}

static void finds_what_the_linker_finds(void) {
    uint64_t want[COUNT], got[COUNT];
    int fd = open_libc(want);
    CHECK(elf_functions(fd, NAMES, COUNT, got));
    for (size_t i = 0; i < COUNT; i++)
        CHECK(got[i] == want[i]);
    CHECK(got[0] != 0 && got[2] == 0);
    close(fd);
}

/* A program's own functions stand in its symbol table alone. */
static void finds_what_a_static_program_kept(void) {
    static const char *const own[] = {"elf_functions", "record_parse"};
    uint64_t got[2];
    char path[4096];
    int fd = open("/proc/self/exe", O_RDONLY);
    CHECK(elf_functions(fd, own, 2, got));
    CHECK(got[0] == file_offset((uintptr_t)elf_functions, path));
    CHECK(got[1] == file_offset((uintptr_t)record_parse, path));
    close(fd);
}

static void is_not_led_astray(void) {
    __u64 state = 1;
    uint64_t offsets[COUNT];
    struct stat st;
    int libc = open_libc(offsets), fd = memfd_create("elf", 0);
    CHECK(fstat(libc, &st) == 0);
    char *whole = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, libc, 0);
    CHECK(whole != MAP_FAILED && write(fd, whole, st.st_size) == st.st_size);
    for (int round = 0; round < ROUNDS; round++) {
        /* Headers, and the tables behind them: a part each of the first 256 bytes, 4 KB, and 64 KB. */
        static const uint32_t reach[] = {256, 4096, 65536};
        off_t at[8];
        for (int i = 0; i < 8; i++) {
            static const uint64_t values[] = {0, 1, 0x7f, 0xffffffff, INT64_MAX, UINT64_MAX, 1ULL << 40};
            uint64_t value = round % 2 ? values[next_random(&state) % 7] : (uint64_t)next_random(&state) << 33 | next_random(&state);
            at[i] = next_random(&state) % reach[round % 3];
            CHECK(pwrite(fd, &value, round % 5 ? 8 : 1, at[i]) > 0);
        }
        if (round % 7 == 0)
            CHECK(ftruncate(fd, next_random(&state) % st.st_size) == 0);
        elf_functions(fd, NAMES, COUNT, offsets);
        for (size_t i = 0; i < COUNT; i++)
            CHECK(offsets[i] <= INT64_MAX);
        if (round % 7 == 0)
            CHECK(pwrite(fd, whole, st.st_size, 0) == st.st_size);
        for (int i = 0; i < 8; i++)
            CHECK(pwrite(fd, whole + at[i], 8, at[i]) == 8);
    }
    CHECK(elf_functions(fd, NAMES, COUNT, offsets) && offsets[0] != 0);
    munmap(whole, st.st_size);
    close(fd);
    close(libc);
}

static void refuses_what_is_no_elf(void) {
    uint64_t offsets[COUNT];
    int fd = open("/proc/self/cmdline", O_RDONLY);
    CHECK(!elf_functions(fd, NAMES, COUNT, offsets));
    close(fd);
    CHECK(!elf_functions(-1, NAMES, COUNT, offsets));
}

int main(void) {
    finds_what_the_linker_finds();
    finds_what_a_static_program_kept();
    refuses_what_is_no_elf();
    is_not_led_astray();
    return summary("tls_elf");
}
