import json
import os
import tempfile
import unittest

from ledger import store


class Store(unittest.TestCase):
    def test_save(self):
        with tempfile.TemporaryDirectory(prefix="store-") as folder:
            path = os.path.join(folder, "sums.json")
            store.save(path, {"rent": 1})
            with open(path, encoding="utf-8") as file:
                self.assertEqual(json.load(file), {"rent": 1})

    def test_keep(self):
        with tempfile.NamedTemporaryFile(suffix=".db") as file:
            store.keep(file.name, [("rent", 1)])
            self.assertGreater(os.path.getsize(file.name), 0)
