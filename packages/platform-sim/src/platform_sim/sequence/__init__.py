"""TestStand sequence files without TestStand: read, write, check and run their XML form.

`model` is the data that the other modules exchange. `seq_reader` and `seq_writer` translate it from
and to the .seq file, `description` from and to a small TOML file for people. `runner` executes it.
"""
