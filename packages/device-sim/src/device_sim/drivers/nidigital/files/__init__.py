"""Read the files of the Digital Pattern Editor."""
