"""How frames reach peers, and how peers are found: the only code that touches a network."""
