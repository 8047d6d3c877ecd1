"""What a device keeps: its directory, the store, the journal and the checkpoints."""
