"""How two neighbours mix their models: links, exchanges, and what keeps them stable."""
