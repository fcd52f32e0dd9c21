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


def test_a_thread_that_uses_scipy_while_another_loads_its_rules_waits_for_them():
    done = run(
        "import sys, threading\n"
        "import numpy as np, scipy.special\n"
        "from autograd_mini import grad\n"
        "slope = grad(lambda x: np.sum(scipy.special.ndtr(x)))\n"
        "first = threading.Thread(target=slope, args=(np.ones(2),))\n"
        "first.start()\n"
        "while 'autograd_mini.scipy.special' not in sys.modules:\n"
        "    pass\n"
        "assert slope(np.ones(2)).shape == (2,)\n"
        "first.join()"
    )
    assert not done.returncode, done.stderr


def test_modules_are_imported_when_asked_for():
    done = run(
        "import sys, autograd_mini.scipy as s\n"
        "assert 'scipy.integrate' not in sys.modules and 'scipy.signal' not in sys.modules\n"
        "assert s.integrate.odeint and s.signal.convolve\n"
        "s.nothing"
    )
    assert "has no attribute 'nothing'" in done.stderr
