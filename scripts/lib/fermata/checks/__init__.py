"""Runs commands as they were approved, detached and limited, and records what they prove. Never believes a report."""
