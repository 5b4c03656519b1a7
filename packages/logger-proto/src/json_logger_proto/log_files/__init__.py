"""The files of a log on disk, as its server and all readers find them."""
