"""What can be counted in a score: one small function per feature, from notes to numbers."""
