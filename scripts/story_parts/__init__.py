"""Parts of the story of a year."""
