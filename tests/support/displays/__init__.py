"""What people look at: screens of Phoebus and the web page, shown, used and photographed."""
