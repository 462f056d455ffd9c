"""The public shapes of answers: JSON, plain text."""
