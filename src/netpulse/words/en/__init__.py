"""English, the language that the others are measured by."""
