"""HTTP ground that both Django apps stand on; it imports neither of them."""
