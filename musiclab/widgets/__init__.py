"""Widgets: plain state with a face. What a widget does, a plain function with the same arguments does first."""
