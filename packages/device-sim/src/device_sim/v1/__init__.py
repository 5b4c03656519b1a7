"""The protocol by which other programs reach a bench; `bench.proto` describes it."""
