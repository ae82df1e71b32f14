"""Explorers: figures that the reader moves. Each has a pure half (state to picture and words) and a thin front end."""

from helpers.widgets.convolution import convolution_explorer
from helpers.widgets.pooling import pooling_explorer

__all__ = ["convolution_explorer", "pooling_explorer"]
