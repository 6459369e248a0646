"""What one rank computes, and two beside each other: histograms, new bins, images and maps."""
