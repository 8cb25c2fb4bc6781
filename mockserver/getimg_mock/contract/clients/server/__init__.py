"""The server that clients are tried against: conformant, and unkind on purpose."""
