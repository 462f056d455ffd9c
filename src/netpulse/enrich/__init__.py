"""What we know about the numbers in an answer. It may fail or be late; the answer goes out all the same."""
