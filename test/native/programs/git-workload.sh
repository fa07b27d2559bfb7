#!/bin/sh
# git as an agent uses it, on a repository that is made first.
#
# git-workload.sh make DIR COMMITS   a repository of so many commits
# git-workload.sh work DIR           clones it into ./copy and works there; the log of it goes to ./log
set -e
as_test() { git -c user.name=Test -c user.email=test@example.invalid "$@"; }

case $1 in
make)
    git init -q -b main "$2"
    cd "$2"
    commit=0
    while [ $commit -lt "$3" ]; do
        mkdir -p folder-$((commit % 7))
        yes $commit | head -n $commit > "folder-$((commit % 7))/file $commit"
        git add .
        as_test commit -q -m "commit $commit"
        commit=$((commit + 1))
    done
    ;;
work)
    git clone -q --no-local "$2" copy
    cd copy
    git log -p --stat > ../log
    git checkout -q -b other HEAD~3
    as_test commit -q --allow-empty -m empty
    as_test merge -q --no-edit main
    git gc -q
    git status --short
    ;;
esac
