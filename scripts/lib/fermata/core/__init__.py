"""The pure heart of fermata: records, workflow graph, fold, next_actions, gate rules. No I/O, clock or environment."""
