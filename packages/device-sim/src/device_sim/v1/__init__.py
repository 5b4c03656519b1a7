"""The protocol with which other programs control a bench. `bench.proto` describes it."""
