# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Makes numbers.h: NR_name and NR32_name for every call that layouts.c names, -1 where a table has none.
#   awk -f numbers.awk NATIVE IA32 layouts.c    the first two as cc -E -dM prints the macros of asm/unistd.h
BEGIN {
    # Newer than the headers of the oldest distribution that builds this; the same in every table since 5.1.
    new["fchmodat2"] = 452; new["setxattrat"] = 463; new["removexattrat"] = 466
    print "/* Made by numbers.awk. */"
}
FNR == 1 { file++ }
file <= 2 && /^#define __NR/ { nr[file, $2] = $3 }
file == 3 && match($0, /^    [A-Z]+\([a-z0-9_]+[,)]/) {
    call = substr($0, RSTART, RLENGTH - 1); sub(/.*\(/, "", call)
    if (call == "call")
        next # a macro of layouts.c, not a row
    for (table = 1; table <= 2; table++) {
        n = nr[table, "__NR_" call]
        if ((table, n) in nr)
            n = nr[table, n] # asm-generic/unistd.h: __NR_truncate is __NR3264_truncate
        if (n == "")
            n = call in new ? new[call] : -1
        printf "#define NR%s_%s %s\n", table == 1 ? "" : "32", call, n
    }
}
