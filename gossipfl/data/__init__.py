"""Where readings come from, how they are kept, standardised and split."""
