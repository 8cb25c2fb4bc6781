"""Nothing leaves: hooks around connections, and the policies that refuse them."""
