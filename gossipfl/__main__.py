"""`python -m gossipfl`."""

from gossipfl.node.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
