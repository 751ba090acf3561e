"""The programs under test, one module each; see `benchmarks.worker` for how they are asked."""
