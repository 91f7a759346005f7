"""What a person reads: status, log, and the parts of a run. Reads only."""
