import csv
from collections import defaultdict

from . import money


def read(path):
    """Rows (account, cents) of a CSV file with the columns account and amount."""
    with open(path, newline="", encoding="utf-8") as file:
        return [(row["account"], money.parse(row["amount"])) for row in csv.DictReader(file)]


def totals(rows):
    sums = defaultdict(int)
    for account, cents in rows:
        sums[account] += cents
    return dict(sums)
