"""What tests share, by topic; what stands here serves tests of any package."""
