"""All measurements, one after the other: `python -m benchmarks`."""

from benchmarks import memory, reliability, training_step

if __name__ == "__main__":
    training_step.main()
    memory.main([])
    reliability.main([])
