from decimal import ROUND_HALF_EVEN, Decimal


def parse(text):
    """Cents of an amount such as `1,234.50`."""
    return int((Decimal(text.replace(",", "")) * 100).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def show(cents):
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100:,}.{abs(cents) % 100:02d}"
