"""The engines, and what they have to count: by plain numpy, by textbooks, and by Mantid."""
