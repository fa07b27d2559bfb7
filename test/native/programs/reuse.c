/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reuse PID FORKS FILE: forks until a child has that pid, at most FORKS times; that child creates FILE. Says "PID
 * reused" or nothing on standard output.
 */
#include "common.h"

int main(int argc, char **argv) {
    if (argc != 4)
        die("usage: reuse PID FORKS FILE");
    pid_t wanted = atoi(argv[1]);
    for (int left = atoi(argv[2]); left > 0; left--) {
        pid_t child = fork();
        if (child < 0)
            die("fork");
        if (child == 0) {
            if (getpid() != wanted)
                _exit(0);
            int fd = open(argv[3], O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
            _exit(fd < 0 ? HELPER_FAILED : 0);
        }
        int status;
        if (waitpid(child, &status, 0) != child || status)
            die("the child failed");
        if (child == wanted) {
            printf("%d reused\n", wanted);
            return 0;
        }
    }
    return 0;
}
