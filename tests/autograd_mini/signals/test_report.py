"""The report: complete without a network, and usable by mouse and keyboard, on a phone and on a desk."""

import html
import json
import re
import shutil

import numpy as np
import pytest

import nn
from autograd_mini import Bars
from autograd_mini.signals.svg import svg
from autograd_mini.words import times

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


def net(scale, name, layers=8):
    rng = np.random.default_rng(0)
    model = nn.MLP([16] * layers + [3], "tanh", nn.init.small_random(scale), rng=0)
    return nn.signals(model, nn.cross_entropy, rng.standard_normal((32, 16)), rng.integers(0, 3, 32), name=name)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "deep" / "report.html"
    one, two = net(0.05, "small <weights> & more"), net(0.3, "larger weights")
    table = Bars(["net", "accuracy", "loss"], [["one", "0.93", "2.3 -> 1.2e-05"]], "accuracy", [0.93], [True])
    sections = {"Which trains?": table, "How <they> were trained": "In `40` passes.", "The second alone": [two]}
    one.save(path, two, sections=sections)
    return path


def data(path):
    text = path.read_text()
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_it_needs_no_network(report):
    text = report.read_text()
    assert not re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', text)
    assert "url(" not in text.replace("url(#", "")
    assert "@" not in re.findall(r"@[A-Z]+@", text)


def test_sections_of_ones_own_are_shown(report, tmp_path):
    text = report.read_text()
    assert "<h2>Which trains?</h2>" in text
    assert "width:93.0%" in text
    assert "<h2>How &lt;they&gt; were trained</h2><p>In <code>40</code> passes.</p>" in text
    assert text.count('<figure class="map">') == 2
    with pytest.raises(TypeError, match="given a int as 'three'"):
        net(0.1, "net").save(tmp_path / "report.html", sections={"three": 3})
    assert not (tmp_path / "report.html").exists()


def test_numbers_are_written_for_people(report):
    text = re.sub(r"<style>.*?</style>|<svg.*?</svg>|<[^>]*>", " ", report.read_text(), flags=re.DOTALL)
    shown = html.unescape(text[: text.index("[{")])
    assert "2.3 → 1.2 × 10⁻⁵" in shown
    chart = re.sub(r'"log": [^,]*', "", json.dumps(data(report)))
    assert not re.search(r"\de[+-]\d|\bx\d|->", shown + chart)


@pytest.mark.parametrize("question", ["map", "where", "why", "units", "spread", "directions", "learns"])
def test_each_colour_of_a_figure_has_a_partner_in_the_dark(question):
    pytest.importorskip("matplotlib")
    model = nn.MLP([16] * 4 + [3], "relu", rng=0)
    model[2].bias.data = np.full(16, -1e3, np.float32)
    broken = nn.MLP([16] * 4 + [3], "tanh", rng=0)
    broken[4].weights.data = np.full((16, 16), np.nan, np.float32)
    x, y = np.random.default_rng(0).standard_normal((32, 16)), np.zeros(32, int)
    sgd = nn.SGD(model.parameters(), 0.1)
    seen = nn.signals(model, nn.cross_entropy, x, y, spectrum=1, optimizer=sgd)
    other = nn.signals(broken, nn.cross_entropy, x, y)
    text = svg(seen.plot(question, *([] if question == "directions" else [other])), question)
    assert "light-dark" in text
    alone = re.findall(r"(fill|stroke): (#\w{6})(?!; \1: light-dark\(\2, #\w{6}\))", text)
    assert not alone, set(alone)


def test_names_cannot_break_the_page(report):
    text = report.read_text()
    assert "<weights>" not in text
    assert "small &lt;weights&gt; &amp; more" in text
    assert data(report)[0]["name"] == "small <weights> & more"


def test_it_has_a_row_for_each_layer_and_an_arrow_for_each_gain(report):
    first, second = data(report)
    assert len(first["rows"]) == len(second["rows"]) == 8
    seen = net(0.05, "")
    for row, layer, arrow in zip(first["rows"], reversed(seen.layers), first["straight"][1:], strict=True):
        assert row["title"] == f"{layer.number} {layer.name}"
        assert arrow["text"] == times(layer.gain)
        assert [step["name"] for step in row["inside"]][-1] == "affine"
    assert first["skips"] == []


def test_skip_connections_have_arrows_of_their_own(tmp_path):
    class Skip(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4, rng=0), nn.Linear(4, 4, rng=1)

        def forward(self, x):
            h = self.a(x)
            return h + np.tanh(self.b(h))

    seen = nn.signals(Skip(), lambda out: np.sum(out**2), np.random.default_rng(0).standard_normal((8, 4)))
    seen.save(tmp_path / "skip.html")
    (chart,) = data(tmp_path / "skip.html")
    assert len(chart["rows"]) == 2


@pytest.mark.parametrize("broken", [np.nan, np.inf, 0.0])
def test_signals_that_are_broken_or_zero_make_a_page(broken, tmp_path):
    model = nn.MLP([4, 5, 5, 2], rng=0)
    model[2].weights.data = np.full((5, 5), broken, np.float32)
    nn.signals(model, nn.squared_error, np.ones((3, 4)), np.ones((3, 2))).save(tmp_path / "page.html")
    assert {row["state"] for row in data(tmp_path / "page.html")[0]["rows"]} & {"bad", "zero"}


def test_it_opens_at_the_layer_to_blame_and_folds_the_others(tmp_path):
    model = nn.MLP([16] * 30 + [3], "tanh", "orthogonal", rng=0)
    model[28].weights.data = 1e-4 * model[28].weights.data
    x = np.random.default_rng(0).standard_normal((32, 16))
    nn.signals(model, nn.cross_entropy, x, np.zeros(32, int), name="one bad layer").save(tmp_path / "bad.html")
    rows = data(tmp_path / "bad.html")[0]["rows"]
    assert [row["title"] for row in rows if row.get("flag")] == ["15 MLP.28"]
    (blamed,) = (row for row in rows if row.get("open"))
    assert [bar["name"] for bar in blamed["factors"] if bar["blame"]] == ["F weight scale"]
    assert sum(len(row.get("layers", [row])) for row in rows) == 30
    assert len(rows) < 10
    said = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", (tmp_path / "bad.html").read_text())
    assert [name for name, _ in said] == ["What", "Where", "Why", "What would help"]
    assert said[1][1].startswith("Layer 15 (MLP.28) stands out")


def test_another_extension_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\.html"):
        net(0.1, "net").save(tmp_path / "report.png")


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


SMALL = """() => [...document.querySelectorAll("body *")].filter(element => element.checkVisibility() &&
  [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())).map(element => {
    const matrix = element.getScreenCTM ? element.getScreenCTM() : null;
    const scale = matrix ? Math.hypot(matrix.a, matrix.b) : 1;
    return [scale * parseFloat(getComputedStyle(element).fontSize), element.textContent.trim().slice(0, 40)];
  }).filter(([size]) => size < 11)"""
CUT = """() => [...document.querySelectorAll("figure svg")].filter(svg => svg.checkVisibility()).flatMap(svg => {
  const edges = svg.getBoundingClientRect();
  return [...svg.querySelectorAll("text")].filter(text => {
    const box = text.getBoundingClientRect();
    return box.left < edges.left - 1 || box.right > edges.right + 1 || edges.right > innerWidth + 1;
  }).map(text => text.textContent);
})"""
PAPER = """() => {
  const light = colour => colour.match(/\\d+/g).slice(0, 3).reduce((sum, part) => sum + part / 765, 0);
  const text = document.querySelector("figure text"), background = getComputedStyle(document.body).backgroundColor;
  return {ink: light(getComputedStyle(text).fill), paper: light(background)};
}"""


@needs_browser
@pytest.mark.parametrize(
    ("scheme", "width"),
    [
        pytest.param("light", 390, id="light-phone"),
        pytest.param("dark", 390, id="dark-phone", marks=pytest.mark.heavy),
        pytest.param("light", 1280, id="light-desk", marks=pytest.mark.heavy),
        pytest.param("dark", 1280, id="dark-desk"),
    ],
)
def test_it_works_in_a_browser(report, browser, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    problems = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith("file:") else problems.append(request.url))
    page.goto(report.as_uri())
    layers = page.locator("#chart g[role=button]")
    assert layers.count() == 16
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page overflows to the side"

    before = page.locator("#chart svg").get_attribute("height")
    layers.nth(2).click()
    assert layers.nth(2).get_attribute("aria-expanded") == "true"
    assert float(page.locator("#chart svg").get_attribute("height")) > float(before)
    assert "F weight scale" in page.locator("#chart").inner_text()
    layers.nth(2).focus()
    page.keyboard.press("Enter")
    assert layers.nth(2).get_attribute("aria-expanded") == "false"
    assert page.evaluate("document.activeElement.dataset.key") == "0-2"
    assert "rms(g)" in layers.nth(0).locator("title").text_content()

    page.get_by_role("button", name="Zoom in").click()
    assert float(page.locator("#chart svg").get_attribute("height")) > float(before)
    page.get_by_role("button", name="Expand all").click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for summary in page.locator("details:not([open]) > summary").all():
        summary.click()
    assert page.evaluate(SMALL) == [], "letters of less than 11 pixels"
    assert page.evaluate(CUT) == [], "figures that are cut"
    luminance = page.evaluate(PAPER)
    assert luminance["ink"] - luminance["paper"] > 0.5 if scheme == "dark" else luminance["ink"] < 0.2, luminance
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(page)
    assert not found.violations_count, found.generate_report()
    assert not problems
    page.close()
