import argparse

from . import book, money, store


def main(arguments=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--save")
    parser.add_argument("--database")
    options = parser.parse_args(arguments)
    rows = book.read(options.file)
    sums = book.totals(rows)
    for account, cents in sorted(sums.items()):
        print(f"{account:20} {money.show(cents):>12}")
    if options.save:
        store.save(options.save, sums)
    if options.database:
        store.keep(options.database, rows)
