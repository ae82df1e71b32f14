"""Recorded runs against the clock: how accuracy grew with the seconds of training.

    python -m helpers.race NAME [NAME ...] [--out FILE.png]

draws the same figure from data/results into a file.
"""

import argparse

import numpy as np
from matplotlib.ticker import PercentFormatter

from helpers import plots, runs

STYLES = ("-", "--", "-.", ":") * 2


def race(*names):
    """Draw accuracy against training seconds for the recorded runs `names`; return the figure and its alt text.

    A line is the training accuracy after each epoch (seed by seed, then averaged; the epochs of a run are taken to be
    equally long), a dot the test accuracy at the end. Raises ValueError if a name is not recorded, or its history has
    no "accuracy", and for more runs than there are colours.
    """
    if not 1 <= len(names) <= len(plots.COLOURS):
        raise ValueError(f"race draws 1 to {len(plots.COLOURS)} recorded runs and was given {len(names)}: name fewer.")
    figure, axes = plots.new_figure(7, 3.8)
    told = []
    for colour, style, run in zip(plots.COLOURS, STYLES, map(runs.load, names), strict=False):
        seconds, accuracy = progress(run)
        final, _ = runs.accuracy_with_interval(run)
        axes.plot(seconds, accuracy, style, color=colour, label=f"{run['name']}, training")
        axes.plot(seconds[-1], final, "o", color=colour, markersize=9, label=f"{run['name']}, test")
        told.append(f"{run['name']} ends after {seconds[-1]:,.0f} s at {final:.1%} on the test pictures")
    axes.set(xlabel="seconds of training", ylabel="accuracy")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlim(left=0)
    axes.legend(loc="lower right")
    return figure, f"Accuracy against seconds of training: {'; '.join(told)}."


def progress(run):
    """Seconds at the end of each epoch (median over the seeds) and the training accuracy there (mean over them)."""
    histories = [history.get("accuracy") for history in run["history"]]
    if not all(histories):
        raise ValueError(f"The recorded run {run['name']!r} has no training accuracy per epoch to draw.")
    shortest = min(map(len, histories))
    accuracy = np.mean([history[:shortest] for history in histories], axis=0)
    ends = [np.arange(1, shortest + 1) * wall / len(h) for wall, h in zip(run["wall_seconds"], histories, strict=True)]
    return np.median(ends, axis=0), accuracy


def show_race(*names):
    """Put the figure of `race` on the page."""
    figure, alt = race(*names)
    plots.show(figure, alt=alt)


def main(arguments=None):
    """Command line; see the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", metavar="NAME", help="recorded runs, such as cifar10_s1 cifar10_fast")
    parser.add_argument("--out", default="race.png", metavar="FILE", help="where the picture goes (race.png)")
    options = parser.parse_args(arguments)
    try:
        figure, alt = race(*options.names)
        figure.savefig(options.out, dpi=150)
    except (ValueError, OSError) as error:  # no such run; no such folder or kind of picture
        parser.error(str(error))
    print(alt)


if __name__ == "__main__":
    main()
