"""The figures of the paper, one module for each."""

from spallmap.figures.paper.figure1 import cell_figure
from spallmap.figures.paper.figure2 import echo_figure
from spallmap.figures.paper.figure3 import t2_figure
from spallmap.figures.paper.figure4 import decay_figure
from spallmap.figures.paper.figure5 import link_figure

__all__ = [
    "cell_figure",
    "decay_figure",
    "echo_figure",
    "link_figure",
    "t2_figure",
]
