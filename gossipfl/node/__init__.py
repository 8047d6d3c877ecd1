"""The process on a device: the only place with nurseries, files, processes and the clock."""
