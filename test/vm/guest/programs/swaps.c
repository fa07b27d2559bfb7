/* SPDX-License-Identifier: Apache-2.0 */
/*
 * swaps SECRET ONLY STOP OWN: opens SECRET and ONLY, and OWN to write, every few milliseconds until STOP exists. Prints
 * how often that was tried, how often SECRET or OWN could be opened, how often something failed otherwise than by a
 * rule, and how often ONLY went from closed (its first state) to open or back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

static bool opens(const char *path, int flags, int *error) {
    int fd = open(path, flags | O_CLOEXEC);
    *error = fd < 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

int main(int argc, char **argv) {
    unsigned long tries = 0, passed = 0, odd = 0, turns = 0;
    bool open_now = false;
    int error;
    if (argc != 5)
        return 2;
    while (access(argv[3], F_OK)) {
        passed += opens(argv[1], O_RDONLY, &error);
        odd += error != EPERM;
        passed += opens(argv[4], O_WRONLY, &error);
        odd += error != EPERM;
        tries++;
        bool now = opens(argv[2], O_RDONLY, &error);
        odd += error != 0 && error != EACCES;
        turns += now != open_now;
        open_now = now;
        usleep(4000); /* each refusal is an event: a flood of them is for other tests */
    }
    printf("%lu %lu %lu %lu\n", tries, passed, odd, turns);
    return 0;
}
