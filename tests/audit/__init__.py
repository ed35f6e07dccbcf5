"""What the locks say of the dependencies, against what is installed and what is known of them."""
