"""Notebooks are run, and what they show is looked at: in a kernel of their own, without a browser."""

import base64
import re

import pytest

pytestmark = pytest.mark.extra

TRAINING = [
    """
    import sys
    sys.modules["ipywidgets"] = None  # is not needed
    import numpy as np
    import nn
    x = np.random.default_rng(0).standard_normal((200, 2))
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    model = nn.MLP([2, 16, 2], rng=0)
    model
    """,
    """
    history = nn.fit(model, nn.cross_entropy, (x, y), optimizer=nn.Adam(model.parameters(), 0.1), epochs=60,
                     validation=(x, y), metrics=[nn.accuracy], callbacks=[nn.EarlyStopping(2)])
    """,
    "history",
    "history.plot()",
    "history.to_dataframe()",
    "nn.confusion_matrix(nn.predict(model, x), y).plot()",
    "print(history.kept)",
]
SIGNALS = [
    """
    import logging
    import numpy as np
    import nn
    from autograd_mini import draw
    logging.getLogger("nn.signals").setLevel(logging.ERROR)
    x = np.random.default_rng(0).standard_normal((64, 8))
    y = (x[:, 0] > 0).astype(int)
    model = nn.MLP([8, *[8] * 29, 2], "tanh", nn.init.small_random(0.1), rng=0)
    seen = nn.signals(model, nn.cross_entropy, x, y)
    seen
    """,
    "seen.plot()",
    "seen.to_dataframe()",
    """
    log = nn.SignalLog(model, every=2)
    nn.fit(model, nn.cross_entropy, (x, y), callbacks=[log], epochs=2, progress=False)
    log
    """,
    "log.plot()",
    "log.to_dataframe()",
    "draw(nn.cross_entropy(nn.Linear(8, 2, rng=0)(x), y))",
]
INLINE = [
    "%matplotlib inline",
    """
    import matplotlib.pyplot as plt
    import numpy as np
    import nn
    from autograd_mini import Tensor
    x, y = np.ones((64, 2)), np.zeros(64, int)
    plt.plot([1, 2]);
    """,
    "history = nn.fit(nn.MLP([2, 2], rng=0), nn.cross_entropy, (x, y), epochs=2, progress=False)\nhistory.plot()",
    "kept = history.plot()",
    "kept.show()",
    "np.tanh(Tensor(x[:2], requires_grad=True))",
]


def shown(cells):
    """What each cell shows: a list of its outputs, each a dict from MIME types, or from the stream's name."""
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    from textwrap import dedent

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(dedent(cell).strip()) for cell in cells])
    nbclient.NotebookClient(notebook, kernel_name="python3", timeout=60).execute()
    outputs = [[out.get("data") or {out.name: out.text} for out in cell.outputs] for cell in notebook.cells]
    assert not [out for each in outputs for out in each if "stderr" in out]
    return outputs


def texts(html, tag):
    return [re.sub("<.*?>", "", text) for text in re.findall(rf"<{tag}\b[^>]*>(.*?)</{tag}>", html)]


def is_png(output):
    return base64.b64decode(output["image/png"]).startswith(b"\x89PNG")


def test_a_training_shows_its_bar_its_history_and_pictures():
    pytest.importorskip("pandas")
    [model], [bar], [history], [plot], [frame], [matrix], [printed] = shown(TRAINING)
    assert texts(model["text/html"], "td")[:3] == ["0", "Linear", "weights: (2, 16), bias: (16,)"]
    assert '<progress value="' in bar["text/html"]
    assert "val_accuracy=" in bar["text/html"]
    kept = printed["stdout"].strip()
    assert f"epoch {kept} was best" in history["text/html"]
    assert texts(history["text/html"], "strong")[1] == kept
    assert texts(history["text/html"], "th") == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "rate"]
    assert texts(frame["text/html"], "th")[1:6] == ["loss", "accuracy", "val_loss", "val_accuracy", "rate"]
    assert is_png(plot)
    assert is_png(matrix)


def test_signals_show_findings_tables_and_pictures():
    pytest.importorskip("pandas")
    [seen], [plot], [frame], [log], [pictures], [rows], [drawing] = shown(SIGNALS)
    assert "decades" in texts(seen["text/html"], "li")[0]
    assert texts(seen["text/html"], "td")[0] == "30"
    assert len(texts(seen["text/html"], "tr")) == 22  # ten at each end, the titles, and what is left out
    assert "<td>MLP.0</td>" in frame["text/html"]
    assert texts(log["text/html"], "th")[:3] == ["layer", "signal, first", "signal, last"]
    assert "Since step 0 layer MLP." in texts(log["text/html"], "p")[1]
    assert texts(log["text/html"], "p")[-1].endswith("more in log.findings")
    assert "<td>58</td>" in rows["text/html"]
    assert "<svg" in drawing["image/svg+xml"]
    assert is_png(plot)
    assert is_png(pictures)


def test_with_matplotlib_inline_there_is_one_picture_and_none_where_it_is_kept():
    _, own, [plot], kept, [early], [tensor] = shown(INLINE)
    assert sum("image/png" in out for out in own) == 1
    assert is_png(plot)
    assert kept == []
    assert is_png(early)
    assert texts(tensor["text/html"], "td") == ["0.7616"] * 4
    assert "from=np.tanh" in tensor["text/html"]
