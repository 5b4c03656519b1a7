"""NI-DAQmx: tasks on multifunction devices and CompactDAQ modules."""
