#!/bin/sh
# Sums the expenses by category: report.sh EXPENSES.csv REPORT.txt. Says which process did it, so that the demo can look
# for that very process in the kernel's record.
set -eu
export LC_ALL=C
awk -F, 'NR > 1 { sum[$2] += $4 } END { for (category in sum) printf "%-10s %10.2f EUR\n", category, sum[category] }' "$1" |
  sort >"$2"
echo "Process $$ wrote $(wc -l <"$2") lines to $(basename "$2"):"
cat "$2"
