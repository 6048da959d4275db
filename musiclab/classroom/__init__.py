"""Assignments that mark themselves: one source notebook, its release for students, their own check, and the marks.

Knows notebooks, no music and no torch.
"""
