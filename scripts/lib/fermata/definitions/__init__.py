"""What runs are made of, as data: workflows, result schemas, briefs; and the loaders that check them."""
