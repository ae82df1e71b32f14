"""The live monitor in JupyterLab: one figure, replaced in place while the training runs, and the page keeps still."""

import nbformat
import pytest

START = """
import time
from helpers import quiet
quiet.start_tensorflow()
import keras, numpy as np
from helpers.training import LiveMonitor
x, y = np.random.default_rng(0).random((96, 4)), np.arange(96) % 3
wait = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: time.sleep(0.4))
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
"""
TRAIN = "model.fit(x, y, epochs=6, validation_split=0.2, callbacks=[LiveMonitor(), wait], verbose=0);"
# Called for each change of the page, it notes how many outputs the training's cell has, how high they are, the words.
WATCH = """() => {
    window.seen = [];
    const area = document.querySelectorAll('.jp-CodeCell')[1];
    const note = () => window.seen.push([
        area.querySelectorAll('.jp-OutputArea-child').length,
        area.querySelector('.jp-OutputArea')?.offsetHeight ?? 0,
        area.querySelector('img')?.alt ?? '',
    ]);
    const frame = () => { note(); requestAnimationFrame(frame); };
    new MutationObserver(note).observe(area, {childList: true, subtree: true});
    requestAnimationFrame(frame);
}"""


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "monitor.ipynb"
    cells = [nbformat.v4.new_code_cell(code.strip()) for code in (START, TRAIN)]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


def test_the_figure_is_replaced_in_place(open_notebook, notebook):
    with open_notebook(notebook) as page:
        page.page.evaluate(WATCH)
        page.run_all()
        seen = page.page.evaluate("() => window.seen")
        assert page.error_outputs() == [] and page.errors == []
        outputs = page.outputs()[1]
        page.screenshot("monitor")
    begun = [entry for entry in seen if entry[2]]
    assert {count for count, _, _ in begun} == {1} == {len(outputs)}
    assert min(height for _, height, _ in begun) >= 330, "the page jumps while the figure is replaced"
    words = list(dict.fromkeys(alt for _, _, alt in begun))
    assert len(words) >= 5 and words[0].startswith("Epoch 1 of 6") and words[-1].startswith("Done after ")
    assert any("After epoch" in alt and alt.startswith("Epoch") for alt in words)
