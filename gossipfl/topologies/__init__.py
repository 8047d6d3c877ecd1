"""Who may mix with whom, and with what weight: pure functions of the ids that everybody sees."""
