"""What goes wrong in a mesh, and when: scripts in TOML, read and checked here, run by drivers."""
