"""Tests of the web page in a browser, and of its server."""
