"""Each example of the gallery says what it shows, on which slides, what it uses and what was measured.

The site's build runs the examples, in which a claim that does not hold is an error.
"""

import ast
import pkgutil
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATHS = sorted((ROOT / "examples").glob("[0-9][0-9]_*.py"))
FIELD = re.compile(r"^:([A-Z][a-z ]+):\s*(.+?)\s*(?=^:[A-Z]|\Z)", re.MULTILINE | re.DOTALL)
SLIDES = {
    "Linear Aggregation of Perceptrons",
    "Logic Operations with Aggregation",
    "Powerfulness and Limitation",
    "Multi-Layer Perceptrons: Basic Neural Network",
    "Neural Network Hypothesis: Output",
    "Neural Network Hypothesis: Transformation",
    "Neural Network Hypothesis",
    "Physical Interpretation",
    "How to Learn the Weights?",
    "Computing the derivatives at the output layer",
    "Computing delta_j",
    "Backpropagation (Backprop) Algorithm",
    "Physical Interpretation of NNet Revisited",
    "Shallow versus Deep Neural Networks",
    "Meaningfulness of Deep Learning",
    "Challenges and Key Techniques for Deep Learning",
    "Forward Propagation Revisited",
    "Backpropagation Revisited",
    "The Vanishing Gradient Issue",
    "Possible Cures for Vanishing Gradient",
    "Rectified Linear Unit",
    "Dead Neuron Issue",
    "Leaky Rectified Linear Unit",
    "Parametric Rectified Linear Unit",
}
every_example = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def fields(text):
    """The fields of an example's docstring, each in one line."""
    return {name: " ".join(value.split()) for name, value in FIELD.findall(ast.get_docstring(ast.parse(text)) or "")}


def public(name):
    """The object with a public name such as `nn.perceptrons.AND`."""
    if not name.startswith(("nn.", "autograd_mini.")):
        raise AttributeError(f"{name} is in neither nn nor autograd_mini.")
    return pkgutil.resolve_name(name)


def claim(text):
    """What an example prints last, as a pattern, and the statements after that."""
    body = ast.parse(text).body
    printing = [i for i, line in enumerate(body) if isinstance(line, ast.Expr) and is_print(line.value)]
    (printed,) = body[printing[-1]].value.args
    parts = printed.values if isinstance(printed, ast.JoinedStr) else [printed]
    pattern = "".join(re.escape(part.value) if isinstance(part, ast.Constant) else ".*?" for part in parts)
    return pattern, body[printing[-1] + 1 :]


def is_print(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"


def problems(text):
    """What is wrong with an example, in words."""
    found, told = [], fields(text)
    title, line, empty, shows, *_ = [*(ast.get_docstring(ast.parse(text)) or "").splitlines(), *[""] * 4]
    if not (title and line == "=" * len(title) and not empty and shows.endswith((".", "?"))):
        found.append("the docstring does not begin with a title, its line of =, and a sentence of what it shows")
    if list(told) != ["Slides", "Uses", "Measured"]:
        return [*found, f"its fields are {list(told)}"]
    found += [f"there is no slide {slide!r}" for slide in told["Slides"].split("; ") if slide not in SLIDES]
    if not re.fullmatch(r"`[\w.]+`(, `[\w.]+`)*", told["Uses"]):
        found.append("not every name is between single backticks")
    pattern, rest = claim(text)
    if not re.fullmatch(pattern, told["Measured"]):
        found.append("`:Measured:` and what it prints last are not the same words")
    if len(re.sub(r"\.\*\?", "", pattern)) < len(told["Measured"]) / 3 or not re.search(r"\d", told["Measured"]):
        found.append("what it prints last has hardly a word or no number")
    if not rest or not isinstance(rest[-1], ast.Assert) or isinstance(rest[-1].test, ast.Constant):
        found.append("it does not end with an assertion of what it printed")
    if len(text.splitlines()) >= 100:
        found.append("it has 100 lines or more")
    return found


@every_example
def test_it_says_in_its_form_what_it_shows(path):
    assert problems(path.read_text()) == []


@every_example
def test_the_names_it_uses_are_public(path):
    for name in re.findall(r"`([^`]+)`", fields(path.read_text())["Uses"]):
        public(name)  # raises if there is none


def test_every_slide_has_an_example():
    named = {slide for path in PATHS for slide in fields(path.read_text())["Slides"].split("; ")}
    assert named == SLIDES


def test_the_lecture_has_a_section_for_each_example_in_order():
    sections = (ROOT / "docs" / "lecture.md").read_text().split("\n## ")[1:]
    shown = [re.findall(r"(?m)^```\{example\} (\S+)$", section) for section in sections]
    assert shown == [[path.stem] for path in PATHS]
    for section in sections:
        assert len(re.findall(r"[.?](?=\s)", section.partition("```")[0])) >= 3, "a section tells in a few sentences"


GOOD = '''"""
A title
=======

It shows.

:Slides: Dead Neuron Issue; Leaky Rectified Linear
    Unit
:Uses: `nn.ReLU`, `nn.signals`
:Measured: Of 5 units
    2 are dead.
"""
print(3)
print(f"Of {a} units {b} are " "dead.")
c = a - b
assert c, "no"
'''


def test_fields_are_read_and_a_good_example_has_no_problem():
    told = {"Slides": "Dead Neuron Issue; Leaky Rectified Linear Unit", "Uses": "`nn.ReLU`, `nn.signals`"}
    assert fields(GOOD) == {**told, "Measured": "Of 5 units 2 are dead."}
    assert problems(GOOD) == []


@pytest.mark.parametrize(
    ("good", "wrong", "word"),
    [
        ("=======", "======", "title"),
        ("It shows.", "", "title"),
        (":Measured:", "Measured:", "fields"),
        ("Dead Neuron Issue", "Dead Neuron", "slide"),
        ("`nn.ReLU`", "nn.ReLU", "backticks"),
        ("2 are dead.", "2 are alive.", "same words"),
        ("Of 5", "From 5", "same words"),
        ('f"Of {a} units {b} are " "dead."', 'f"{text}"', "hardly a word"),
        ('assert c, "no"', "", "assertion"),
        ('assert c, "no"', "assert True", "assertion"),
        ("print(3)", "\n" * 100, "lines"),
    ],
)
def test_an_example_that_leaves_its_form_is_found_out(good, wrong, word):
    assert good in GOOD
    assert any(word in problem for problem in problems(GOOD.replace(good, wrong)))


def test_a_name_that_is_in_neither_package_is_found_out():
    assert public("nn.perceptrons.AND")
    for wrong in ("nn.Perzeptron", "numpy.sum", "nn.perceptrons.NAND", "nn.nowhere.Linear"):
        with pytest.raises(AttributeError):
            public(wrong)
