"""New models that an operator signs, and how they reach a mesh slice by slice."""
