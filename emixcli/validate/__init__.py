"""What is wrong with a medium: stable codes, and the checks that give them."""
