"""getimg.ai's surface: it translates, it never decides."""
