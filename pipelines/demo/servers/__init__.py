"""Real servers for the demonstration and the tests, from PyPI packages, as children of this process."""
