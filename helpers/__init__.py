"""Plumbing that the lessons share. Importing this package is fast: it does not import TensorFlow."""
