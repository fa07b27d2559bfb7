import contextlib
import io
import subprocess
import sys
import tempfile
import unittest

from ledger import cli


class Cli(unittest.TestCase):
    def setUp(self):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".csv")
        self.file.write("account,amount\nrent,10.00\n")
        self.file.flush()
        self.addCleanup(self.file.close)

    def test_prints(self):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            cli.main([self.file.name])
        self.assertIn("10.00", out.getvalue())

    def test_as_a_process(self):
        code = "import sys; from ledger import cli; cli.main(sys.argv[1:])"
        subprocess.run([sys.executable, "-c", code, self.file.name], check=True, stdout=subprocess.DEVNULL)
