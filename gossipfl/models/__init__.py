"""What a model is made of, how it is declared, and where its numbers lie."""
