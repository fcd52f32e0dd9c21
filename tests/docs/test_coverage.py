"""The coverage table is what the registry and NumPy say, and no function of the families that count is missing."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import scipy.special

from autograd_mini import rule

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("coverage_table", ROOT / "docs" / "coverage.py")
coverage = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(coverage)


def test_the_table_is_up_to_date():
    if coverage.MADE_FOR not in coverage.FILE.read_text():
        pytest.skip("the table was made for another NumPy or SciPy")
    assert coverage.FILE.read_text() == coverage.written(), "stale: run `python -m docs.coverage`"


@pytest.mark.parametrize("family", coverage.FAMILIES)
def test_no_function_of_a_family_is_missing(family):
    assert coverage.missing_of_families()[family] == []


def test_no_public_function_of_numpy_is_missing():
    assert [entry.name for entry in coverage.functions() if entry.status == coverage.MISSING] == []


def test_every_universal_function_of_scipy_has_a_derivative_or_a_reason():
    entries = list(coverage.special_functions())
    assert [entry.name for entry in entries if entry.status == coverage.MISSING] == []
    assert sum(entry.status == coverage.DIFFERENTIABLE for entry in entries) >= 180
    status = {entry.name: entry.status for entry in entries}
    assert status["scipy.special.jv"] == status["scipy.special.erf"] == coverage.DIFFERENTIABLE
    assert status["scipy.special.round"] == status["scipy.special.gammasgn"] == coverage.CONSTANT


@pytest.mark.parametrize("family", coverage.FAMILIES)
def test_the_names_of_the_families_exist(family):
    newer = {"matvec", "vecmat"}  # than NumPy 2.1
    for name in coverage.FAMILIES[family].split():
        assert coverage.looked_up(name) is not None or name in newer, name


def test_every_reason_is_for_a_function_without_a_rule():
    registered = {*coverage.primitives, *coverage.composites, *coverage.constants}
    for reason, names in coverage.REASONS.items():
        assert [name for name in names.split() if coverage.looked_up(name) in registered] == [], reason


def test_every_reason_is_for_a_universal_function_of_scipy_without_a_rule():
    registered = {*coverage.primitives, *coverage.composites, *coverage.constants}
    for reason, names in coverage.SPECIAL_REASONS.items():
        assert [name for name in names.split() if getattr(scipy.special, name, None) in registered] == [], reason


def test_each_status_is_told_apart():
    status = {entry.name: entry.status for entry in coverage.functions()}
    assert status["np.tanh"] == status["np.ravel"] == coverage.DIFFERENTIABLE
    assert status["np.floor"] == status["np.argmax"] == coverage.CONSTANT
    assert status["np.copyto"] == status["np.zeros"] == coverage.NONE


def test_a_rule_that_is_lost_is_seen():
    before = coverage.written()
    del coverage.primitives[np.tanh]
    assert coverage.missing_of_families()["Universal functions"] == ["tanh"]
    assert coverage.written() != before
    rule(np.tanh, lambda g, _out, _a: np.zeros_like(g))
    assert {e.name: e.note for e in coverage.functions()}["np.tanh"] == "zero"
