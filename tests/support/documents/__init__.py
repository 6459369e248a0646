"""The pages of the project, and the sessions that they show."""
