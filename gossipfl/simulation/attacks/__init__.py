"""What nodes that lie may do, one file a paper: legal messages, harmful contents."""
