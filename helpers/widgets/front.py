"""The front end of the explorers: controls that become a state, and one HTML widget that shows its figure."""

import html
import sys
from dataclasses import replace

import ipywidgets as widgets

from helpers.plots import Shown, compact
from helpers.widgets.canvas import RED, WIDTH

VIEW = "application/vnd.jupyter.widget-view+json"
MILLISECONDS = 600  # between two stops while it plays
LABEL = {"description_width": "5em"}
CONTROL = "17em"  # two stand side by side even beside the file browser on a small screen
COLOURS = {"": ("#8c8c8c", "#f5f5f5"), "note": ("#946200", "#fff6e0"), "error": (RED, "#fdecee")}
LEVELS = {"": "", "note": "<b>Note:</b> ", "error": "<b>Does not fit:</b> "}


class Choice:
    """One of several names."""

    def __init__(self, label, names):
        layout = widgets.Layout(width=CONTROL)
        self.widget = widgets.Dropdown(description=label, options=list(names), style=LABEL, layout=layout)
        self.parts = [self.widget]

    def read(self):
        return self.widget.value

    def write(self, value):
        self.widget.value = value


class Number:
    """A small whole number: a slider, which takes arrow keys and typed numbers."""

    def __init__(self, label, low, high):
        layout = widgets.Layout(width=CONTROL)
        self.widget = widgets.IntSlider(description=label, min=low, max=high, style=LABEL, layout=layout)
        self.parts = [self.widget]

    def read(self):
        return self.widget.value

    def write(self, value):
        self.widget.value = value


class Numbers:
    """A square of numbers: one of several with a name, or, where it is 3 × 3, edited number by number."""

    def __init__(self, label, named, own, limits):
        self.named, self.own = named, own
        self.name = widgets.Dropdown(
            description=label, options=[*named, own], style=LABEL, layout=widgets.Layout(width=CONTROL)
        )
        low, high = limits
        field = {"min": low, "max": high, "step": 0.5, "layout": widgets.Layout(width="5em", margin="1px")}
        self.fields = [widgets.BoundedFloatText(**field) for _ in range(9)]
        grid = widgets.Layout(grid_template_columns="repeat(3, 5.2em)", width="16em", margin="0 0 0 1.2em")
        self.grid = widgets.GridBox(self.fields, layout=grid)
        self.widget = widgets.VBox([self.name, self.grid])
        self.parts = [self.name, *self.fields]

    def read(self):
        chosen = self.name.value
        return self.named[chosen] if chosen in self.named else self.typed()

    def typed(self):
        numbers = [field.value for field in self.fields]
        return tuple(tuple(numbers[i : i + 3]) for i in (0, 3, 6))

    def changed(self, widget):
        """A number was typed: from now on the numbers count, not the name."""
        if widget is not self.name:
            self.name.value = next((name for name, value in self.named.items() if value == self.typed()), self.own)

    def write(self, value):
        self.name.value = next((name for name, known in self.named.items() if known == value), self.own)
        self.grid.layout.display = None if len(value) == 3 else "none"
        if len(value) == 3:
            for field, weight in zip(self.fields, (w for row in value for w in row), strict=True):
                field.value = weight


class Explorer:
    """Controls and a figure. `state` is what is shown; setting it moves the controls too."""

    def __init__(self, state, controls, figure_of, alt_of, advice, at_fault):
        self.figure_of, self.alt_of, self.advice = figure_of, alt_of, advice
        self.controls, self.at_fault = controls, at_fault
        self.view = widgets.HTML(layout=widgets.Layout(width="auto", max_width=f"{WIDTH}px"))
        self.row, self.column = Number("row", 0, 0), Number("column", 0, 0)
        self.play = widgets.Play(interval=MILLISECONDS, min=0, max=0, show_repeat=False)
        self.back = widgets.Button(description="back", icon="step-backward", layout=widgets.Layout(width="6em"))
        self.step = widgets.Button(description="step", icon="step-forward", layout=widgets.Layout(width="6em"))
        self.held = False
        for control in controls.values():
            for part in control.parts:
                part.observe(lambda change, control=control: self.on_setting(control, change["owner"]), names="value")
        for slider in (self.row, self.column):
            slider.widget.observe(lambda change: self.on_move(self.at_sliders()), names="value")
        self.play.observe(lambda change: self.on_move(change["new"]), names="value")
        self.back.on_click(lambda button: self.on_move(self.state.position - 1))
        self.step.on_click(lambda button: self.on_move(self.state.position + 1))
        self.box = self.arrange()
        self.state = state

    def arrange(self):
        """All widgets on the page; the rows break where the page is narrow."""
        wrap = widgets.Layout(flex_flow="row wrap", align_items="flex-start", width="100%", overflow="visible")
        kernel = [c.widget for c in self.controls.values() if isinstance(c, Numbers)]
        rest = [c.widget for c in self.controls.values() if not isinstance(c, Numbers)]
        settings = widgets.HBox([widgets.VBox(rest), *kernel] if kernel else rest, layout=wrap)
        buttons = widgets.HBox([self.play, self.back, self.step], layout=wrap)
        moves = widgets.HBox([self.row.widget, self.column.widget], layout=wrap)
        return widgets.VBox([settings, moves, buttons, self.view], layout=widgets.Layout(max_width="46em"))

    @property
    def state(self):
        """The state that is shown."""
        return self._state

    @state.setter
    def state(self, state):
        stops = state.windows
        state = replace(state, position=min(max(state.position, 0), max(stops.count - 1, 0)))
        self._state = state
        self.held = True  # what follows are no changes by the reader
        try:
            for name, control in self.controls.items():
                control.write(getattr(state, name))
            row, column = stops.stop(state.position)
            for slider, length, value in ((self.row, stops.rows, row), (self.column, stops.columns, column)):
                slider.widget.max = max(length - 1, 0)
                slider.widget.disabled = not stops.count
                slider.write(value)
            self.play.max = max(stops.count - 1, 0)
            self.play.value = state.position
        finally:
            self.held = False
        level, _ = self.advice(state)
        for name in self.at_fault:
            self.controls[name].widget.layout.border = f"2px solid {RED}" if level == "error" else None
        self.view.value = self.page()

    def on_setting(self, control, widget):
        """The reader changed a setting."""
        if self.held:
            return
        if isinstance(control, Numbers):
            self.held = True
            control.changed(widget)
            self.held = False
        self.state = replace(self.state, **{name: control.read() for name, control in self.controls.items()})

    def on_move(self, position):
        """The reader moved the window."""
        if not self.held:
            self.state = replace(self.state, position=position)

    def at_sliders(self):
        """The position that the two sliders say."""
        return self.row.read() * self.state.windows.columns + self.column.read()

    def page(self):
        """The figure with its alt text, and above it what there is to say about the settings."""
        level, text = self.advice(self.state)
        edge, back = COLOURS[level]
        words = LEVELS[level] + html.escape(text)
        box = f"border-left: 4px solid {edge}; background: {back}; color: #1a1a1a; padding: 4px 8px; line-height: 1.4"
        shown = Shown(self.figure_of(self.state), self.alt_of(self.state), WIDTH)._repr_mimebundle_()
        message = f'<div style="{box}; min-height: 2.8em; margin-bottom: 8px">{words}</div>'
        return f'<div style="line-height: 1.4">{message}{shown["text/html"]}</div>'

    def _repr_mimebundle_(self, include=None, exclude=None):
        """The live view where the page can show it, the still figure elsewhere: GitHub, print, a page without kernel.

        The build drops the live view from what is stored (see `authoring.execute`).
        """
        still = compact(self.figure_of(self.state))
        bundle = Shown(still, self.alt_of(self.state), WIDTH)._repr_mimebundle_()
        bundle["text/html"] += "<small>A still picture: run the cell to move the window yourself.</small>"
        bundle[VIEW] = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        if "google.colab" in sys.modules:  # its page may prefer HTML to the live view
            del bundle["text/html"]
        return bundle
