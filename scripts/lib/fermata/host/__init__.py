"""What is Claude Code's: hook payloads in, hook answers out, transcripts. Facts here were measured on the real client."""
