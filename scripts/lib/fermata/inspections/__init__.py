"""Looks at what changed and says what is not finished or does not fit: files, placeholders, imports, the project's linters.

An inspection judges a tree against a base and returns findings. It never changes a file, never runs a module of the
project, never downloads; whoever runs it decides what a finding leads to.
"""
