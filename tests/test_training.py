"""The live monitor: one figure that is replaced in place, honest about time, and left standing after an interrupt."""

import re

import nbformat
import numpy as np
import pytest

from authoring.execute import kernel_environment, run_notebook
from helpers import quiet

quiet.start_tensorflow()

import keras  # noqa: E402

from helpers import plots, training  # noqa: E402
from helpers.training import LiveMonitor, duration  # noqa: E402

NUMBERS = np.random.default_rng(0)
X, Y = NUMBERS.normal(size=(96, 4)).astype(np.float32), NUMBERS.integers(3, size=96)


class Page:
    """Stands in for display and shell: keeps every bundle that was shown or put in the place of one."""

    def __init__(self):
        self.shown, self.replaced, self.waiting = [], [], []
        self.events = self

    def register(self, event, function):
        assert event == "post_run_cell"
        self.waiting.append(function)

    def unregister(self, event, function):
        self.waiting.remove(function)

    def end_cell(self):
        for function in list(self.waiting):
            function("result")

    def display(self, bundle, raw):
        self.shown.append(bundle)

    def update(self, bundle, raw):
        self.replaced.append(bundle)


@pytest.fixture
def page(monkeypatch):
    page = Page()
    monkeypatch.setattr(training, "get_ipython", lambda: page)
    monkeypatch.setattr(training, "DisplayHandle", lambda: page)
    return page


class Clock:
    """Time that passes only as the test says."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(training, "monotonic", clock)
    return clock


class Steps(keras.callbacks.Callback):
    """Lets `seconds` pass in each step, and stops the training at an epoch as the ■ button does."""

    def __init__(self, clock, seconds=1.0, interrupt_in=None):
        super().__init__()
        self.clock, self.seconds, self.interrupt_in = clock, seconds, interrupt_in

    def on_train_batch_begin(self, batch, logs=None):
        self.clock.now += self.seconds

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.interrupt_in:
            raise KeyboardInterrupt


def fit(monitor, *others, epochs=4, metrics=("accuracy",), **options):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=list(metrics))
    model.fit(X, Y, batch_size=32, epochs=epochs, callbacks=[monitor, *others], verbose=0, **options)
    return model


def alt(bundle):
    return re.search(r'<img [^>]*alt="([^"]*)"', bundle["text/html"])[1]


def test_one_figure_with_alt_text_is_replaced_in_place(page, clock):
    monitor = LiveMonitor()
    fit(monitor, Steps(clock), validation_data=(X[:32], Y[:32]))
    assert len(page.shown) == 1 and len(page.replaced) >= 2
    last = alt(page.replaced[-1])
    assert re.match(r"Done after \d+ s, epochs: 4 of 4\. After epoch 4: loss", last)
    assert all(f"{name} {monitor.history[name].iloc[-1]:.3f}" in last for name in monitor.history)
    assert f"Best val_accuracy: {monitor.history['val_accuracy'].max():.3f}" in last
    assert page.replaced[-1]["text/plain"] == f"Figure: {last}"
    assert "data:image/png;base64," in page.replaced[-1]["text/html"]
    assert list(monitor.history.index) == [1, 2, 3, 4]
    page.end_cell()
    assert alt(page.replaced[-1]) == last


def test_without_validation_and_with_the_loss_alone(page):
    monitor = LiveMonitor()
    fit(monitor, epochs=2)
    assert "val_" not in alt(page.replaced[-1]) and "Best accuracy" in alt(page.replaced[-1])
    fit(LiveMonitor(metric=None), epochs=2, metrics=())
    best = monitor.history["loss"]
    assert "accuracy" not in alt(page.replaced[-1]) and "Best loss" in alt(page.replaced[-1])
    assert best.min() == best.iloc[-1]


def test_what_stays_after_an_interrupt_is_what_was_done(page, clock):
    monitor = LiveMonitor()
    with pytest.raises(KeyboardInterrupt):
        fit(monitor, Steps(clock, interrupt_in=2))
    page.end_cell()
    assert list(monitor.history.index) == [1, 2]
    assert re.match(r"Stopped after \d+ s, epochs: 2 of 4\. After epoch 2: loss", alt(page.replaced[-1]))
    count = len(page.replaced)
    page.end_cell()
    assert len(page.replaced) == count and page.waiting == []


def test_the_time_left_is_what_it_then_takes(page, clock):
    told = []

    class Ask(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            told.append(monitor.seconds_left())

    monitor = LiveMonitor()
    fit(monitor, Steps(clock, 2.0), Ask(), epochs=4)
    assert told == [None, 18, 12, 6]  # three steps an epoch; before the first one nothing is known
    words = [alt(bundle) for bundle in page.replaced]
    assert words[0] == "Epoch 1 of 4, about 22 s left."
    assert words[-1].startswith("Done after 24 s, epochs: 4 of 4.")


def test_a_later_epoch_corrects_the_time_left(page, clock):
    monitor, steps = LiveMonitor(), Steps(clock, 10.0)

    class Sooner(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            steps.seconds = 1.0

    told = []
    ask = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: told.append(monitor.seconds_left()))
    fit(monitor, steps, Sooner(), ask, epochs=3)
    assert told == [None, 60, 3]


def test_a_training_that_goes_on_is_counted_on(page, clock, tmp_path):
    keep = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    with pytest.raises(KeyboardInterrupt):
        fit(LiveMonitor(), keep, Steps(clock, interrupt_in=2), epochs=5)
    monitor = LiveMonitor()
    fit(monitor, keras.callbacks.BackupAndRestore(tmp_path / "backup"), Steps(clock), epochs=5)
    assert list(monitor.history.index) == [3, 4, 5]
    assert "epochs: 5 of 5. After epoch 5" in alt(page.replaced[-1])


def test_a_metric_that_is_not_reported_is_named_at_the_first_step(page):
    with pytest.raises(ValueError, match=r"'f1', but this training reports accuracy, loss\. Compile the model with"):
        fit(LiveMonitor(metric="f1"))


def test_drawing_takes_a_small_share_of_the_time(page, clock, monkeypatch):
    started, drawings, new_figure = clock.now, [], plots.new_figure

    def slow(*args, **options):
        drawings.append(clock.now)
        clock.now += 0.2
        return new_figure(*args, **options)

    monkeypatch.setattr(plots, "new_figure", slow)
    fit(LiveMonitor(), Steps(clock, 0.05), epochs=60)
    total = clock.now - started
    between = drawings[1:-1]  # the first and the last one are always drawn
    assert len(between) >= 2 and 0.2 * len(between) <= training.SHARE * total


def test_nothing_is_shown_in_a_plain_program(capsys):
    monitor = LiveMonitor()
    fit(monitor, epochs=2)
    assert capsys.readouterr().out == "" and len(monitor.history) == 2


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (119, "119 s"), (150, "2 min"), (7_199, "120 min"), (9_000, "2.5 h")]
)
def test_a_length_of_time_reads_well(seconds, text):
    assert duration(seconds) == text


CELLS = """
from helpers import quiet
quiet.start_tensorflow()
import keras, numpy as np
from helpers.training import LiveMonitor
x, y = np.random.default_rng(0).random((96, 4)), np.arange(96) % 3
class Stop(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt
def train(*more):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=4, validation_split=0.2, callbacks=[LiveMonitor(), *more], verbose=0)
---
train()
---
try:
    train(Stop())
except KeyboardInterrupt:
    pass
"""


def test_a_notebook_keeps_one_figure_per_training(tmp_path):
    """As the build and nbconvert run it: no widget, no front end."""
    cells = [nbformat.v4.new_code_cell(code.strip()) for code in CELLS.split("---")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    report = run_notebook(notebook, "monitor", cwd=tmp_path, env=kernel_environment("quick"))
    assert report.errors == [] and report.warnings == []
    done, stopped = (cell.outputs for cell in notebook.cells[1:])
    assert len(done) == len(stopped) == 1
    assert alt(done[0].data).startswith("Done after ")
    assert re.match(r"Stopped .* epochs: 2 of 4\. After epoch 2: loss", alt(stopped[0].data))
    assert set(done[0].data) == {"text/html", "text/plain"}
