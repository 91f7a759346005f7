"""Everything that writes state: journal, snapshot, lock, the board, the data folder's approvals and markers."""
