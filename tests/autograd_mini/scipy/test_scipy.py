"""The package `autograd_mini.scipy`: who imports it, and what it needs."""

import subprocess
import sys


def run(program):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_scipy_is_imported_by_its_users_only():
    done = run("import sys, autograd_mini, nn; assert not [m for m in sys.modules if m.partition('.')[0] == 'scipy']")
    assert not done.returncode, done.stderr


def test_without_scipy_the_error_names_the_extra():
    done = run("import sys; sys.modules['scipy'] = None\nimport autograd_mini.scipy")
    assert 'pip install "autograd-mini[scipy]"' in done.stderr


def test_modules_are_imported_when_asked_for():
    done = run(
        "import sys, autograd_mini.scipy as s\n"
        "assert 'scipy.integrate' not in sys.modules and 'scipy.signal' not in sys.modules\n"
        "assert s.integrate.odeint and s.signal.convolve\n"
        "s.nothing"
    )
    assert "has no attribute 'nothing'" in done.stderr
