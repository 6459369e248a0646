"""What people look at: operator screens in Phoebus, and the web page in browsers."""
