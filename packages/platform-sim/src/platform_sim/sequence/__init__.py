"""TestStand sequence files without TestStand: read, write, check and run their XML form.

`model` is what the other modules exchange. `seq_reader` and `seq_writer` translate it from and to
the .seq file, `description` from and to the small TOML file a person writes. `runner` executes it.
"""
