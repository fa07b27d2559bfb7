import unittest

from ledger import money


class Money(unittest.TestCase):
    def test_round_trip(self):
        for text in ("0.00", "1.05", "-1,234.50"):
            self.assertEqual(money.show(money.parse(text)), text)
