"""One file a trainer, all built from `models.py` and asked in the same words: see `__main__.py`."""
