"""The shell around `next_actions`: what fermata does itself between two things that need an agent or a human."""
