"""Everything that writes state: journal, snapshot, lock, the data folder's approvals and markers."""
