"""The only caller of git: where the repository is, what it holds, snapshots. Never moves what belongs to the user."""
