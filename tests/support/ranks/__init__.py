"""Ranks in the process of a test or in processes of their own, fed and commanded by hand."""
