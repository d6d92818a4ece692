"""What `scripts/release` is made of; `__main__.py` reads the command line."""
