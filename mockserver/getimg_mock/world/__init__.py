"""What getimg.ai is: no HTTP, no sockets, no wall time outside the clock."""
