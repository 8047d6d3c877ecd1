"""Who is there, who is alive, and whom to link to: state machines without clock or sockets."""
