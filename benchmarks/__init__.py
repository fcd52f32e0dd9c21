"""Measurements of this package beside its peers; importing this package limits every library to one thread.

Thread counts are read from the environment when a library is loaded, so they are set before the first import. Where
BENCHMARK_THREADS says so, JAX and PyTorch get more than one; NumPy's BLAS does not.
"""

import os

_threads = os.environ.get("BENCHMARK_THREADS", "1")
os.environ["OPENBLAS_NUM_THREADS"] = "1"
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS", "NPROC"):
    os.environ[_variable] = _threads
_eigen = "false" if _threads == "1" else "true"
os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={_eigen} intra_op_parallelism_threads={_threads}"
os.environ["JAX_PLATFORMS"] = "cpu"
