"""NI's pin map service: which pin of which site is connected to which instrument channel."""
