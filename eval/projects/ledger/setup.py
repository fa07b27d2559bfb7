from setuptools import setup

setup(name="ledger", version="0.3.0", packages=["ledger"], entry_points={"console_scripts": ["ledger = ledger.cli:main"]})
