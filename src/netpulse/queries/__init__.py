"""What can be asked: one file per question, found by its name `QUERY`.

A file here holds everything about its question: parameters, the record that arrives while it runs, the whole result,
the words for form, command line and OpenAPI, and how the answers of several routers fold into one.
"""
