import pathlib
import tempfile
import unittest

from ledger import book


class Book(unittest.TestCase):
    def test_totals(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "month.csv")
            path.write_text("account,amount\nrent,10.00\nrent,5.50\n")
            self.assertEqual(book.totals(book.read(path)), {"rent": 1550})
