"""From rows of exports to examples, with an account of every row."""
