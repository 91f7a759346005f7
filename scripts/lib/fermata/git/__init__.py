"""The only caller of git: where the repository is, what it holds, snapshots of it. Never moves what belongs to the user."""
