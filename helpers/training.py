"""Watching a training: its curves grow in place below the cell, with the time left and the best epoch so far."""

from time import monotonic

import keras
import pandas as pd
from IPython import get_ipython
from IPython.display import DisplayHandle

from helpers import plots

SHARE = 0.1  # of the time at most that goes into drawing
SECONDS = 1.0  # between two updates of the words below the curves


class LiveMonitor(keras.callbacks.Callback):
    """Shows the curves of a training while it runs: `model.fit(…, callbacks=[LiveMonitor()], verbose=0)`.

    One figure below the cell is replaced again and again; the last one stays, also when the training is interrupted.
    In a plain Python program nothing is shown. `metric` names what is drawn beside the loss, something of which more is
    better; None draws the loss alone.
    """

    def __init__(self, metric="accuracy"):
        super().__init__()
        self.panels = [[name, f"val_{name}"] for name in ("loss", metric) if name]

    def on_train_begin(self, logs=None):
        self.logs = {}  # the number of an epoch, from 1, and what it gave
        self.first = self.epoch = self.epoch_share = 0
        self.began = self.epoch_began = self.told = self.drawn = monotonic()
        self.epoch_seconds = None
        self.shell, handle = get_ipython(), DisplayHandle()
        self.show, self.replace = handle.display, handle.update
        if self.shell:  # no callback hears of an interrupt or an error, but the end of the cell comes in any case
            self.shell.events.register("post_run_cell", self.on_cell_end)
        self.draw()

    def on_epoch_begin(self, epoch, logs=None):
        if not self.logs:
            self.first = epoch  # a training that goes on does not begin with epoch 0
        self.epoch, self.epoch_share, self.epoch_began = epoch, 0, monotonic()

    def on_train_batch_end(self, batch, logs=None):
        metric, steps = self.panels[-1][0], self.params.get("steps")
        if logs and metric not in logs:
            raise ValueError(
                f"LiveMonitor is to watch {metric!r}, but this training reports {', '.join(logs)}. Compile the model "
                f"with metrics=[{metric!r}], or name what it reports: LiveMonitor(metric=…)."
            )
        self.epoch_share = (batch + 1) / steps if steps else 0
        if monotonic() - self.told > SECONDS:
            self.tell()

    def on_epoch_end(self, epoch, logs=None):
        now = monotonic()
        self.logs[epoch + 1] = {name: float(value) for name, value in (logs or {}).items()}
        self.epoch, self.epoch_share, self.epoch_seconds = epoch + 1, 0, now - self.epoch_began
        if now - self.drawn >= self.drawing / SHARE:
            self.draw()

    def on_train_end(self, logs=None, how="Done"):
        if self.shell:
            self.shell.events.unregister("post_run_cell", self.on_cell_end)
        self.draw(how)

    def on_cell_end(self, result=None):
        self.on_train_end(how="Stopped")

    @property
    def history(self):
        """What was reported so far: a pandas frame with a row per epoch, from 1, and a column per quantity."""
        return pd.DataFrame.from_dict(self.logs, orient="index")

    def seconds_left(self):
        """Estimated from the last whole epoch, before there is one from the steps done; None if nothing is known."""
        left = self.params["epochs"] - self.epoch - self.epoch_share
        if self.epoch_seconds:
            return left * self.epoch_seconds
        return left / self.epoch_share * (monotonic() - self.epoch_began) if self.epoch_share else None

    def status(self, ended=""):
        """A few sentences: how far, how long yet, the last values, the best epoch. `ended` is how, if it has."""
        epochs, left = self.params["epochs"], self.seconds_left()
        rest = "time left not known yet" if left is None else f"about {duration(left)} left"
        text = [f"Epoch {min(self.epoch + 1, epochs)} of {epochs}, {rest}."]
        if ended:
            text = [f"{ended} after {duration(monotonic() - self.began)}, epochs: {self.epoch} of {epochs}."]
        if self.logs:
            number, values = list(self.logs.items())[-1]
            names = [name for panel in self.panels for name in panel if name in values]
            text += [f"After epoch {number}: {', '.join(f'{name} {values[name]:.3f}' for name in names)}."]
            best = self.history[names[-1]]  # by validation, where there is one
            epoch = best.idxmin() if names[-1].endswith("loss") else best.idxmax()
            text += [f"Best {names[-1]}: {best[epoch]:.3f}, after epoch {epoch}."]
        return " ".join(text)

    def draw(self, ended=""):
        """Draw the curves anew and show them."""
        start, history = monotonic(), self.history
        figure, axes = plots.new_figure(width=7.5, height=2.9, ncols=len(self.panels), squeeze=False)
        for part, names in zip(axes.flat, self.panels, strict=True):
            part.set(xlabel="epoch", ylabel=names[0], xlim=(self.first, self.params["epochs"] + 0.5))
            if names[0] in history:
                plots.draw_curves(part, history.filter(names), ylabel=names[0])
        self.figure = plots.shown(figure, alt="")
        self.tell(ended)
        self.drawn = monotonic()
        self.drawing = self.drawn - start

    def tell(self, ended=""):
        """Show the curves as last drawn, with the words of this moment below them."""
        self.told, self.figure.alt = monotonic(), self.status(ended)
        bundle = self.figure._repr_mimebundle_()
        # A fixed height: nothing on the page jumps while the browser takes up the new picture.
        bundle["text/html"] = f'<div style="min-height: 340px">{bundle["text/html"]}</div>'
        if self.shell:
            self.show(bundle, raw=True)
            self.show = self.replace


def duration(seconds):
    """A length of time as one reads it aloud: "40 s", "12 min", "1.5 h"."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
