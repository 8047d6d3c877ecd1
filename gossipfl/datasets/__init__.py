"""Data that ships with the package, one folder a data set, each with its licence."""
