"""Pictures of meshes: what to draw, and how it becomes a file."""
