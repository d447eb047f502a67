"""A linter for the weight initialization of neural networks."""

__version__ = "0.1.0"
