"""Watching a training: its curves grow in place below the cell, with the time left and the best epoch so far."""

import time

import keras
import pandas as pd
from IPython import get_ipython
from IPython.display import DisplayHandle

from helpers import plots

SHARE = 0.1  # of the time at most that goes into drawing
SECONDS = 1.0  # between two updates of the line below the curves


class LiveMonitor(keras.callbacks.Callback):
    """Shows the curves of a training while it runs: `model.fit(…, callbacks=[LiveMonitor()], verbose=0)`.

    One figure below the cell is replaced again and again; what it showed last stays, also after an interrupt. In a
    plain Python program nothing is shown. `metric` names what is drawn beside the loss; None draws the loss alone.
    """

    def __init__(self, metric="accuracy"):
        super().__init__()
        self.metric = metric

    def on_train_begin(self, logs=None):
        self.logs = {}  # the number of an epoch, from 1, and what it gave
        self.began = self.epoch_began = self.told = time.monotonic()
        self.first = self.epoch = self.epoch_share = 0
        self.epoch_seconds = self.drawing = None
        self.handle = DisplayHandle() if get_ipython() else None
        self.draw()

    def on_epoch_begin(self, epoch, logs=None):
        if not self.logs:
            self.first = epoch  # a training that goes on does not begin with epoch 0
        self.epoch, self.epoch_share, self.epoch_began = epoch, 0, time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        if self.metric and logs and self.metric not in logs:
            raise ValueError(
                f"LiveMonitor is to watch {self.metric!r}, but this training reports {', '.join(logs)}. Name one of "
                f"these, LiveMonitor(metric=…), or compile the model with metrics=[{self.metric!r}]."
            )
        steps = self.params.get("steps")
        self.epoch_share = (batch + 1) / steps if steps else 0
        if time.monotonic() - self.told > SECONDS:
            self.tell()

    def on_epoch_end(self, epoch, logs=None):
        now = time.monotonic()
        self.logs[epoch + 1] = {name: float(value) for name, value in (logs or {}).items()}
        self.epoch, self.epoch_share, self.epoch_seconds = epoch + 1, 0, now - self.epoch_began
        if now - self.drawn >= self.drawing / SHARE:
            self.draw()

    def on_train_end(self, logs=None):
        self.draw(done=True)

    @property
    def history(self):
        """What was reported so far: a pandas frame with a row per epoch, from 1, and a column per quantity."""
        return pd.DataFrame.from_dict(self.logs, orient="index")

    def seconds_left(self):
        """Estimated from the last whole epoch, before there is one from the steps done; None if nothing is known."""
        left = self.params["epochs"] - self.epoch - self.epoch_share
        if self.epoch_seconds:
            return left * self.epoch_seconds
        return left / self.epoch_share * (time.monotonic() - self.epoch_began) if self.epoch_share else None

    def best(self):
        """(column, epoch, value) of the best epoch by validation if there is one; None before the first epoch."""
        name = self.metric or "loss"
        name = f"val_{name}" if f"val_{name}" in self.history else name
        if name not in self.history:
            return None
        values = self.history[name]
        epoch = values.idxmin() if name.endswith("loss") else values.idxmax()
        return name, epoch, values[epoch]

    def status(self, done=False):
        """One or two sentences: how far, how long yet, the last values, the best epoch."""
        epochs, left = self.params["epochs"], self.seconds_left()
        if done:
            text = [f"{len(self.logs)} epochs in {duration(time.monotonic() - self.began)}."]
        else:
            rest = "time left not known yet" if left is None else f"about {duration(left)} left"
            text = [f"Epoch {min(self.epoch + 1, epochs)} of {epochs}, {rest}."]
        if self.logs:
            number, values = list(self.logs.items())[-1]
            shown = [f"{name} {values[name]:.3f}" for side in self.panels() for name in side if name in values]
            name, best, value = self.best()
            text.append(f"After epoch {number}: {', '.join(shown)}. Best {name}: {value:.3f}, after epoch {best}.")
        return " ".join(text)

    def panels(self):
        """The names of the lines in each part of the figure."""
        return [[name, f"val_{name}"] for name in ("loss", self.metric) if name]

    def draw(self, done=False):
        """Draw the curves anew and show them."""
        start = time.monotonic()
        names, history = self.panels(), self.history
        figure, axes = plots.new_figure(width=7.5, height=2.9, ncols=len(names), squeeze=False)
        for part, lines in zip(axes.flat, names, strict=True):
            part.set(xlabel="epoch", ylabel=lines[0], xlim=(self.first, self.params["epochs"] + 0.5))
            if any(name in history for name in lines):
                plots.draw_curves(part, history.filter(lines), ylabel=lines[0])
        self.figure = plots.shown(figure, alt="")
        self.tell(done)
        self.drawn = time.monotonic()
        self.drawing = self.drawn - start

    def tell(self, done=False):
        """Show the curves as last drawn, with the status of this moment below them."""
        self.told = time.monotonic()
        self.figure.alt = self.status(done)
        bundle = self.figure._repr_mimebundle_()
        # A fixed height: nothing on the page jumps while the browser takes up the new picture.
        bundle["text/html"] = f'<div style="min-height: 340px">{bundle["text/html"]}</div>'
        if self.handle:
            show = self.handle.update if self.logs or self.epoch_share else self.handle.display
            show(bundle, raw=True)


def duration(seconds):
    """A length of time as one reads it aloud: "40 s", "12 min", "1.5 h"."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
