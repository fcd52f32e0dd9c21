"""The examples run as a reader runs them, in their fast mode, and print what they claim."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from autograd_mini import in_words

pytestmark = pytest.mark.heavy
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def run(tmp_path):
    def run(name: str) -> str:
        for extra in ("matplotlib", "sklearn", "tqdm"):
            pytest.importorskip(extra)
        command = [sys.executable, "-W", "error", str(EXAMPLES / name), "--fast"]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not done.returncode, done.stderr
        return done.stdout

    return run


def test_the_demo_prints_and_reports_the_same_numbers(run, tmp_path):
    printed = run("vanishing_gradients.py")
    page = (tmp_path / "report" / "index.html").read_text()
    chart = str(json.loads(re.search(r'id="data">(.*?)</script>', page)[1]))
    for line in printed.splitlines()[1:3]:
        name, ends = line[:20].strip(), re.search(r"(\S+) -> (\S+)  +x", line)
        last, first = (in_words(float(number)) for number in ends.groups())
        assert f"{last} → {first}" in page, "the table"
        assert re.search(rf"{name}: .* {last} at layer 21 .* {first} at layer 1 ", printed), "the finding"
        assert f"rms(g) {first};" in chart, "the chart"
    assert page.count('<figure class="map">') == 2


def test_the_cures_are_measured_and_reported(run, tmp_path):
    lines = run("cures.py").splitlines()
    factors = {line[:20].strip(): [float(cell) for cell in line[20:].split()] for line in lines[3:-1]}
    assert factors["none"][1] == pytest.approx(3**-0.5, rel=0.05), "the weights shrink the signal"
    assert factors["none"][0] > 0.95, "and saturation does not"
    slopes, weights = factors["large weights"][:2]
    assert slopes < 0.6
    assert weights > 2
    assert factors["skip connections"][3] > 0.1
    assert factors["none"][3] < 1e-5
    assert "Which units" in (tmp_path / "report" / "cures.html").read_text()
