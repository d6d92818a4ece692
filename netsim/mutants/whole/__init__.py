"""Bugs planted in whole nodes, where gear 1 has nothing: the shell, the doors, the client."""
