"""Models of other frameworks as learners of a mesh."""
