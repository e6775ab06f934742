"""Media: folders, archives and disc images, and what is on them."""
