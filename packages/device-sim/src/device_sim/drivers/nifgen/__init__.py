"""NI-FGEN: function and arbitrary waveform generators."""
