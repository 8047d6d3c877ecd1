"""Published experiments, one file each, with what we substitute for what we cannot have."""
