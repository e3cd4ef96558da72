"""The PyTorch learner of veriloop. `python -m veriloop_torch --help` lists the settings; README.md has the protocol."""

__version__ = "0.1.0"

PROTOCOL = 1
"""Version of the messages and of the batch file. Worker and control plane must agree on it."""
