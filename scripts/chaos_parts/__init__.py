"""What `scripts/chaos` is made of; `main.py` reads the command line."""
